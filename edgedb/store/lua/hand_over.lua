-- The commit point of a move (docs/protocol.md#messages): the session becomes a pointer.
-- Returns 'ok', 'refused' (the grant is not in force), or 'again' (not all lists were named).
-- KEYS: the session's,
local by_size,
  of_proprietary,
  node = other_keys(3) -- and those of all lists
local now,
  here,
  session,
  grant,
  destination = unpack(ARGV)

local current, granted, epoch, size, handed =
  fields(meta, 'current', 'grant', 'epoch', 'size', 'handed')
if not current then return 'refused' end
if current ~= here then
  return current == destination and handed == grant and 'ok' or 'refused'
end
if granted ~= grant then return 'refused' end
if not is_frozen(meta, clock(now)) then
  end_freeze(meta)
  return 'refused'
end
if not drop_data(keys_of_lists(3)) then return 'again' end

unlock(meta)
call('HDEL', meta, 'queue', 'version', 'size', 'lists', 'last', 'floor', 'buried', 'thawed',
  'frozen_for', 'frozen_since', 'frozen_until', 'grant')
call('HSET', meta, 'current', destination, 'epoch', int(epoch) + 1, 'handed', grant)
unindex(by_size, of_proprietary, session)
-- not -int(…): Lua's minus zero is no integer to the server
call('HINCRBY', node, 'bytes', 0 - int(size))
return 'ok'
