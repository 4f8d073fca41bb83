-- Freeze a session for a transfer (docs/protocol.md#messages).
-- Returns {'unknown'}, {'elsewhere', location}, {'refused'} (this transfer is over),
--   {'busy'} (frozen for another), {'locked'} (new requests wait, the running one is to end;
--   call again), {'frozen', grant, version}
local meta = unpack(KEYS)
local now,
  here,
  transfer,
  timeout_ms,
  fresh_grant, -- a random id
  epoch = unpack(ARGV) -- of the token that is moved: a late call freezes none that came back since
now = clock(now)

local current, version, thawed, frozen_for, grant, known_epoch =
  fields(meta, 'current', 'version', 'thawed', 'frozen_for', 'grant', 'epoch')
if not current or (current == here and int(version) == 0) then return {'unknown'} end
if current ~= here then return {'elsewhere', current} end
if known_epoch ~= epoch then return {'refused'} end

if is_frozen(meta, now) then
  if frozen_for ~= transfer then return {'busy'} end
  if grant then return {'frozen', grant, int(version)} end
else
  end_freeze(meta)
  if thawed == transfer or frozen_for == transfer then return {'refused'} end
  call('HSET', meta, 'frozen_for', transfer, 'frozen_since', now,
    'frozen_until', now + timeout_ms)
end

if is_locked(meta, now) then return {'locked'} end
unlock(meta)
call('HSET', meta, 'grant', fresh_grant)
return {'frozen', fresh_grant, int(version)}
