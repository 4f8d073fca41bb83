-- Open an arrival (design section 3): from now on the session's keys here hold staged data.
-- KEYS: meta, arrival, arrivals
-- ARGV: now, here, session, transfer, source, proprietary, epoch, patience in ms
-- Returns {'ok'} (also when repeated while copying), {'resident'}, {'stranger', proprietary known here}, {'stale'} (a higher epoch
--   is known here), {'prepared'} (finish that arrival first), {'abandoned', transfer} (discard
--   that arrival first), {'busy'}
local now, transfer = clock(ARGV[1]), ARGV[4]
local state = call('HMGET', KEYS[1], 'current', 'proprietary', 'epoch')
if state[1] == ARGV[2] then return {'resident'} end
if state[2] and state[2] ~= ARGV[6] then return {'stranger', state[2]} end
if int(state[3]) > tonumber(ARGV[7]) then return {'stale'} end

local open = call('HMGET', KEYS[2], 'transfer', 'phase', 'touched')
if open[1] then
  if open[2] == 'prepared' then return {'prepared'} end
  if open[1] == transfer then return {'ok'} end
  if int(open[3]) + tonumber(ARGV[8]) <= now then return {'abandoned', open[1]} end
  return {'busy'}
end
call('HSET', KEYS[2], 'transfer', transfer, 'phase', 'copying', 'source', ARGV[5],
  'touched', now, 'packets', 0, 'version', 0, 'size', 0, 'lists', 0)
call('ZADD', KEYS[3], now, ARGV[3])
return {'ok'}
