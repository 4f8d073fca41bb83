-- Stage a packet of an arriving session (docs/protocol.md#a-move).
-- Returns 'ok', or 'gone' if this arrival is not open for this packet. Packets are numbered so
-- that one that is repeated late does not put older values over newer ones.
-- KEYS: the session's,
local arrival = other_keys(1) -- and those of the changed lists
local now,
  transfer,
  packet = arguments(3) -- its number, from 1
local written = counted() -- scalars: field, piece, field, piece, …
local deleted = counted() -- names of scalars
local changed_lists = counted_lists(1)
local stored_replies = counted() -- key, reply, key, reply, …

local open_for, phase, version, size, list_count, packets =
  fields(arrival, 'transfer', 'phase', 'version', 'size', 'lists', 'packets')
if open_for ~= transfer or phase ~= 'copying' then return 'gone' end
if packets == packet then return 'ok' end
if int(packets) ~= packet - 1 then return 'gone' end
version, size, list_count = int(version), int(size), int(list_count)

local function stamp(member)
  version = version + 1
  call('ZADD', versions, version, member)
  return version
end
local function forget(member) call('ZREM', versions, member) end

size, version = size + write_scalars(written, version), version + #written / 2
for _, name in ipairs(deleted) do size = size - drop_pieces(name, 0) end
for _, list in ipairs(changed_lists) do
  size = size + change_list(list, stamp, forget)
  if #list.elements > 0 then list_count = math.max(list_count, list.number + 1) end
end
for i = 1, #stored_replies, 2 do
  version = version + 1
  call('HSET', replies, stored_replies[i], stored_replies[i + 1])
  call('ZADD', reply_index, version, stored_replies[i])
end
if #stored_replies > 0 then
  call('PEXPIRE', replies, REPLY_TTL_MS)
  call('PEXPIRE', reply_index, REPLY_TTL_MS)
end

call('HSET', arrival, 'packets', packet, 'version', version, 'size', size, 'lists', list_count,
  'touched', clock(now))
return 'ok'
