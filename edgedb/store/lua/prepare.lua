-- Record that all of a session is staged, and the grant that allows to take it (step 3).
-- KEYS: arrival
-- ARGV: now, transfer, packets staged, grant, proprietary, function, epoch, version
-- Returns 'ok', or 'gone' if this arrival is not open any more, or has other packets.
local state = call('HMGET', KEYS[1], 'transfer', 'phase', 'version', 'grant', 'packets')
if state[1] ~= ARGV[2] or state[5] ~= ARGV[3] then return 'gone' end
if state[2] == 'prepared' then return state[4] == ARGV[4] and 'ok' or 'gone' end
call('HSET', KEYS[1], 'phase', 'prepared', 'grant', ARGV[4], 'proprietary', ARGV[5],
  'function', ARGV[6], 'epoch', ARGV[7], 'version', math.max(int(state[3]), tonumber(ARGV[8])),
  'touched', clock(ARGV[1]))
return 'ok'
