-- Let a pointer that leads nowhere lead to where the session is, or forget it.
-- Returns 'ok', or 'changed' if it is not that pointer any more, or a session is arriving.
local meta,
  arrival,
  node = unpack(KEYS)
local here,
  found_location,
  found_epoch,
  true_location, -- '': forget it
  true_epoch = unpack(ARGV)

local current, epoch = fields(meta, 'current', 'epoch')
if current == here or current ~= found_location or epoch ~= found_epoch then return 'changed' end
if call('EXISTS', arrival) == 1 then return 'changed' end
if true_location == '' then
  local size = int(call('HGET', meta, 'size'))
  remove(meta, int(epoch))
  call('HINCRBY', node, 'pointers', 0 - size)
else
  call('HDEL', meta, 'handed', 'handed_version')
  call('HSET', meta, 'current', true_location, 'epoch', true_epoch)
end
return 'ok'
