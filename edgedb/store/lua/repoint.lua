-- Let a pointer that leads nowhere lead to where the session is, or forget it.
-- KEYS: meta, arrival
-- ARGV: here, current location and epoch as they were found, the true ones ('' and 0: forget)
-- Returns 'ok', or 'changed' if it is not that pointer any more, or a session is arriving.
local state = call('HMGET', KEYS[1], 'current', 'epoch')
if state[1] == ARGV[1] or state[1] ~= ARGV[2] or state[2] ~= ARGV[3] then return 'changed' end
if call('EXISTS', KEYS[2]) == 1 then return 'changed' end
if ARGV[4] == '' then
  call('DEL', KEYS[1])
else
  call('HDEL', KEYS[1], 'handed')
  call('HSET', KEYS[1], 'current', ARGV[4], 'epoch', ARGV[5])
end
return 'ok'
