-- Let a session that is resident here be of a later epoch than all that is known of it elsewhere.
-- Returns 'ok' (also when repeated), or 'gone' if it is not resident here, or in a later one.
local meta = unpack(KEYS)
local here,
  proprietary,
  epoch = unpack(ARGV)

local current, known_proprietary, known_epoch, version =
  fields(meta, 'current', 'proprietary', 'epoch', 'version')
local is_here = current == here and known_proprietary == proprietary and int(version) > 0
if not is_here or int(known_epoch) > tonumber(epoch) then return 'gone' end
call('HDEL', meta, 'epoch')
call('HSET', meta, 'epoch', epoch)
return 'ok'
