-- Let the indexes say of a session what it is, whatever they say.
-- KEYS: meta, arrival, arrivals, residents by size, residents of one proprietary location
-- ARGV: now, here, session, that location
-- What frees comes first, so that a full node can be put in order too.
local session = ARGV[3]
local state = call('HMGET', KEYS[1], 'current', 'version', 'proprietary', 'size')
local accessed = call('ZSCORE', KEYS[5], session)
unindex(KEYS[4], KEYS[5], session)
if state[1] == ARGV[2] and int(state[2]) > 0 then
  call('ZADD', KEYS[4], int(state[4]), session)
  if state[3] == ARGV[4] then call('ZADD', KEYS[5], accessed or clock(ARGV[1]), session) end
end
if call('EXISTS', KEYS[2]) == 0 then
  call('ZREM', KEYS[3], session)
else
  call('ZADD', KEYS[3], 'NX', int(call('HGET', KEYS[2], 'touched')), session)
end
return 'ok'
