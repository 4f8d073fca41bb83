-- Look whether an entry of an index names something that is there; take it out if asked to.
-- KEYS: meta, arrival, index
-- ARGV: here, session, what the index lists ('residents', 'arrivals', or 'of' for the residents
--       of one proprietary location), that location or '', mend (1 | 0)
-- Returns 'ok' (also if it is not listed any more), or 'stale'
if not call('ZSCORE', KEYS[3], ARGV[2]) then return 'ok' end
local state = call('HMGET', KEYS[1], 'current', 'proprietary')
local is_there = state[1] == ARGV[1] and (ARGV[3] ~= 'of' or state[2] == ARGV[4])
if ARGV[3] == 'arrivals' then is_there = call('EXISTS', KEYS[2]) == 1 end
if is_there then return 'ok' end
if ARGV[5] == '1' then call('ZREM', KEYS[3], ARGV[2]) end
return 'stale'
