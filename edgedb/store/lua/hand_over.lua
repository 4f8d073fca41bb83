-- The commit point of a move (docs/protocol.md#the-hand-over): the session becomes a pointer, if
-- the destination holds the version that it has.
-- Returns {'handed', version, counter of this store}, {'changed', version, whether a request is running (1 | 0)},
--   {'ended', run, version}, {'unknown'}, {'still'} (not while this store may be older than others
--   know), or {'again'} (not all lists were named).
-- KEYS: the session's,
local by_size,
  of_proprietary,
  node = other_keys(3) -- and those of all lists
local now,
  here,
  session,
  transfer,
  destination,
  epoch,
  stay,
  run,
  held, -- the version that the destination holds
  another_stay = unpack(ARGV) -- a random id: do not wait for a running request any more; or ''
held = tonumber(held)

local current, proprietary, known_epoch, known_stay, version, size, handed, handed_version, renewed,
  locked_until = fields(meta, 'current', 'proprietary', 'epoch', 'stay', 'version', 'size', 'handed',
    'handed_version', 'lock_renewed', 'lock_until')
-- a session that is not committed may be one that this server has lost, unless its epoch says that
-- it was created where one was removed
local is_new = current == here and int(version) == 0 and int(known_epoch) == 1
if not known_epoch or is_new then return {'unknown'} end
if stays_still(proprietary) then return {'still'} end
if current == destination and handed == transfer then
  return {'handed', int(handed_version), int(call('HGET', node, 'counter'))}
end
version = int(version)
local is_offered = known_epoch == epoch and (known_stay or '') == stay and server_run() == run
if current ~= here or not is_offered or version < held then
  return {'ended', server_run(), version}
end
local is_running = in_force(renewed, locked_until, clock(now))
if version > held then return {'changed', version, is_running and 1 or 0} end
if is_running then
  if another_stay == '' then return {'changed', version, 1} end
  -- so that nothing of the offer that comes late takes effect
  call('HSET', meta, 'stay', another_stay)
  return {'ended', run, version}
end
if not drop_data(keys_of_lists(3)) then return {'again'} end

unlock(meta)
call('HDEL', meta, 'queue', 'stay', 'version', 'lists', 'last', 'floor', 'buried', 'held',
  'held_since', 'held_until', 'valued', 'replied', 'listed', 'loose')
call('HSET', meta, 'current', destination, 'epoch', int(epoch) + 1, 'handed', transfer,
  'handed_version', version, 'size', META_BYTES)
unindex(by_size, of_proprietary, session)
-- not -int(…): Lua's minus zero is no integer to the server
call('HINCRBY', node, 'bytes', 0 - int(size))
call('HINCRBY', node, 'pointers', keep_size(0))
-- what must not be forgotten: by this the destination knows whether it was (admit.lua)
return {'handed', version, call('HINCRBY', node, 'counter', 1)}
