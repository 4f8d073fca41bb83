-- Tell the proprietary location where its session is (design section 3, step 6).
-- KEYS: meta
-- ARGV: here, current location, epoch
-- Returns {'ok'}, {'unknown'}, {'resident'} (only this node's own hand-over ends that),
--   {'stale', epoch known here}
local state = call('HMGET', KEYS[1], 'current', 'epoch')
if not state[1] then return {'unknown'} end
local epoch = tonumber(ARGV[3])
if state[1] == ARGV[2] and int(state[2]) == epoch then return {'ok'} end
if int(state[2]) >= epoch then return {'stale', state[2]} end
if state[1] == ARGV[1] then return {'resident'} end
call('HSET', KEYS[1], 'current', ARGV[2], 'epoch', epoch)
return {'ok'}
