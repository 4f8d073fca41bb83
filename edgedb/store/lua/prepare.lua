-- Record that all of a session is staged, and the grant that allows to take it (step 3).
-- KEYS: arrival
-- ARGV: now, transfer, grant, proprietary, function, epoch, version
-- Returns 'ok', or 'gone' if this arrival is not open any more.
local state = call('HMGET', KEYS[1], 'transfer', 'phase', 'version', 'grant')
if state[1] ~= ARGV[2] then return 'gone' end
if state[2] == 'prepared' then return state[4] == ARGV[3] and 'ok' or 'gone' end
call('HSET', KEYS[1], 'phase', 'prepared', 'grant', ARGV[3], 'proprietary', ARGV[4],
  'function', ARGV[5], 'epoch', ARGV[6], 'version', math.max(int(state[3]), tonumber(ARGV[7])),
  'touched', clock(ARGV[1]))
return 'ok'
