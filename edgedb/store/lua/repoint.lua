-- Let a pointer that leads nowhere lead to where the session is, or set it aside.
-- Returns 'ok', or 'changed' if it is not that pointer any more, or a session is arriving.
local meta,
  arrival,
  node,
  asides,
  aside = unpack(KEYS) -- its name once set aside
local now,
  here,
  session,
  found_location,
  found_epoch,
  true_location, -- '': there is none
  true_epoch,
  id, -- of what is set aside
  why = unpack(ARGV)

local current, epoch = fields(meta, 'current', 'epoch')
if current == here or current ~= found_location or epoch ~= found_epoch then return 'changed' end
if call('EXISTS', arrival) == 1 then return 'changed' end
if true_location == '' then
  call('HINCRBY', node, 'pointers', 0 - int(call('HGET', meta, 'size')))
  set_aside(asides, id, session, why, clock(now), meta, {meta}, {aside})
  remove(meta, int(epoch))
else
  call('HDEL', meta, 'handed', 'handed_version')
  call('HSET', meta, 'current', true_location, 'epoch', true_epoch)
end
return 'ok'
