-- Open an arrival (docs/protocol.md#a-move): from now on the session's keys here hold staged data.
-- Returns {'ok'} (also when repeated while copying), {'resident'},
--   {'stranger', proprietary known here}, {'stale'} (a higher epoch is known here),
--   {'prepared'} (finish that arrival first), {'abandoned', transfer} (discard that arrival
--   first), {'busy'}
local meta,
  arrival,
  arrivals = unpack(KEYS)
local now,
  here,
  session,
  transfer,
  source,
  proprietary,
  epoch,
  patience_ms = unpack(ARGV)
now = clock(now)

local current, known_proprietary, known_epoch = fields(meta, 'current', 'proprietary', 'epoch')
if current == here then return {'resident'} end
if known_proprietary and known_proprietary ~= proprietary then
  return {'stranger', known_proprietary}
end
if int(known_epoch) > tonumber(epoch) then return {'stale'} end

local open_for, phase, touched = fields(arrival, 'transfer', 'phase', 'touched')
if open_for then
  if phase == 'prepared' then return {'prepared'} end
  if open_for == transfer then return {'ok'} end
  if in_force(touched, int(touched) + patience_ms, now) then return {'busy'} end
  return {'abandoned', open_for}
end
call('HSET', arrival, 'transfer', transfer, 'phase', 'copying', 'source', source,
  'touched', now, 'packets', 0, 'version', 0, 'size', 0, 'lists', 0)
call('ZADD', arrivals, now, session)
return {'ok'}
