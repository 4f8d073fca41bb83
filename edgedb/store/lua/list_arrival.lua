-- Look whether an open arrival is listed, so that ticks see it; list it if asked to.
-- KEYS: arrival, arrivals
-- ARGV: session, mend (1 | 0)
-- Returns 'ok' (also if it is not open any more), or 'missing'
local touched = call('HGET', KEYS[1], 'touched')
if not touched or call('ZSCORE', KEYS[2], ARGV[1]) then return 'ok' end
if ARGV[2] == '1' then
  call('ZREM', KEYS[2], ARGV[1])
  call('ZADD', KEYS[2], int(touched), ARGV[1])
end
return 'missing'
