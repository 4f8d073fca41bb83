-- Look whether a resident is in the node's indexes with its size; put it there if asked to.
-- KEYS: meta, residents by size, residents of the proprietary
-- ARGV: now, here, session, proprietary (whose index the last key is), mend (1 | 0)
-- Returns 'ok' (also if it is no resident of that proprietary any more), or 'missing'
local state = call('HMGET', KEYS[1], 'current', 'proprietary', 'version', 'size')
if state[1] ~= ARGV[2] or state[2] ~= ARGV[4] or int(state[3]) == 0 then return 'ok' end
local by_size, by_time = call('ZSCORE', KEYS[2], ARGV[3]), call('ZSCORE', KEYS[3], ARGV[3])
if by_size and int(by_size) == int(state[4]) and by_time then return 'ok' end
if ARGV[5] == '1' then
  call('ZREM', KEYS[2], ARGV[3])
  index(KEYS[2], KEYS[3], ARGV[3], int(state[4]), int(by_time or clock(ARGV[1])))
end
return 'missing'
