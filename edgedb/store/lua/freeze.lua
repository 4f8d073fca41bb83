-- Freeze a session for a transfer (design section 3, step 2).
-- KEYS: meta
-- ARGV: now, here, transfer, timeout in ms, a fresh random id, epoch (a transfer is bound to the
--       epoch of the token it moves: a late call never freezes a session that came back since)
-- Returns {'unknown'}, {'elsewhere', location}, {'refused'} (this transfer is over),
--   {'busy'} (frozen for another), {'locked'} (new requests wait, the running one is to end;
--   call again), {'frozen', grant, version}
local meta, now, transfer = KEYS[1], clock(ARGV[1]), ARGV[3]
local state = call('HMGET', meta, 'current', 'version', 'thawed', 'frozen_for', 'grant', 'lock',
  'lock_until', 'epoch')
if not state[1] or (state[1] == ARGV[2] and int(state[2]) == 0) then return {'unknown'} end
if state[1] ~= ARGV[2] then return {'elsewhere', state[1]} end
if state[8] ~= ARGV[6] then return {'refused'} end

if is_frozen(meta, now) then
  if state[4] ~= transfer then return {'busy'} end
  if state[5] then return {'frozen', state[5], int(state[2])} end
else
  end_freeze(meta)
  if state[3] == transfer or state[4] == transfer then return {'refused'} end
  call('HSET', meta, 'frozen_for', transfer, 'frozen_until', now + tonumber(ARGV[4]))
end

if state[6] and int(state[7]) > now then return {'locked'} end
call('HDEL', meta, 'lock', 'lock_until')
call('HSET', meta, 'grant', ARGV[5])
return {'frozen', ARGV[5], int(state[2])}
