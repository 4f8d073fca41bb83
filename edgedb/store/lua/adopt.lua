-- Make staged data live whose source has lost the session; else as activate (the caller has
-- found out that no other node knows the session).
-- KEYS: meta, arrival, arrivals, residents by size, residents of the proprietary, node, outbox
-- ARGV: now, here, session, transfer, grant, message for the outbox or ''
-- Returns 'ok', 'gone' if this transfer has nothing prepared here (any more), or 'later' if this
--   node knows of a later owner.
local meta, arrival, now, session = KEYS[1], KEYS[2], clock(ARGV[1]), ARGV[3]
local state = call('HMGET', arrival, 'transfer', 'phase', 'proprietary', 'function', 'epoch',
  'version', 'size', 'lists', 'grant')
if state[1] ~= ARGV[4] or state[2] ~= 'prepared' or state[9] ~= ARGV[5] then return 'gone' end
if int(call('HGET', meta, 'epoch')) > int(state[5]) then return 'later' end

call('DEL', meta, arrival)
call('ZREM', KEYS[3], session)
call('HSET', meta, 'proprietary', state[3], 'current', ARGV[2], 'function', state[4],
  'epoch', int(state[5]) + 1, 'version', math.max(int(state[6]), 1), 'size', state[7],
  'lists', state[8])
index(KEYS[4], KEYS[5], session, state[7], now)
call('HINCRBY', KEYS[6], 'bytes', state[7])
if ARGV[6] ~= '' then call('XADD', KEYS[7], '*', 'message', ARGV[6]) end
return 'ok'
