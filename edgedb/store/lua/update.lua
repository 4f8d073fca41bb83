-- Tell the proprietary location where its session is (docs/protocol.md#failure-rules).
-- Returns {'ok'}, {'unknown'}, {'resident'} (only this node's own hand-over ends that; the doctor
--   tells of it), {'stale', epoch known here}
local meta = unpack(KEYS)
local here,
  location,
  epoch = unpack(ARGV)
epoch = tonumber(epoch)

local current, known_epoch = fields(meta, 'current', 'epoch')
if not current then return {'unknown'} end
if current == location and int(known_epoch) == epoch then return {'ok'} end
if int(known_epoch) >= epoch then return {'stale', known_epoch} end
if current == here then
  call('HDEL', meta, 'told')
  call('HSET', meta, 'told', ARGV[3] .. ' ' .. location)
  return {'resident'}
end
call('HSET', meta, 'current', location, 'epoch', epoch)
return {'ok'}
