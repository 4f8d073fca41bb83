-- End the freeze for a transfer; its grant is never honoured after this (design section 3).
-- KEYS: meta
-- ARGV: here, transfer
if call('HGET', KEYS[1], 'current') ~= ARGV[1] then return 'ok' end
if call('HGET', KEYS[1], 'frozen_for') == ARGV[2] then end_freeze(KEYS[1]) end
return 'ok'
