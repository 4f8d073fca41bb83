-- Stage a packet of an arriving session, and open the arrival with the first
-- (docs/protocol.md#the-hand-over). With what completes a version the arrival is prepared.
-- Returns {'ok', run of this server, counter of this store}, {'resident'}, {'stranger', proprietary known here},
--   {'stale'} (a higher epoch is known here), {'unfinished'} (settle another arrival first),
--   {'busy'} (another is being copied), {'gone'} (this arrival is not open for this packet), {'still'} (not
--   while this store may be older than others know).
-- Packets are numbered so that one that is repeated late does not put older values over newer ones.
-- KEYS: the session's,
local arrival,
  arrivals = other_keys(2) -- and those of the changed lists
local now,
  here,
  session,
  transfer,
  packet, -- its number, from 1
  source,
  proprietary,
  of_function,
  epoch,
  stay,
  run,
  complete, -- the version that is here completely with this packet, or '0'
  patience_ms = arguments(13)
local written = counted() -- scalars: field, piece, field, piece, …
local deleted = counted() -- names of scalars
local changed_lists = counted_lists(2)
local stored_replies = counted() -- key, reply, key, reply, …
now = clock(now)

local open_for, prepared, touched, version, list_count, packets, grant, valued, replied, listed =
  fields(arrival, 'transfer', 'prepared', 'touched', 'version', 'lists', 'packets', 'grant', 'valued',
    'replied', 'listed')
if open_for == transfer then
  if packets == packet then return {'ok', server_run(), int(call('HGET', of_node, 'counter'))} end
  if int(packets) ~= packet - 1 then return {'gone'} end
else
  local current, known_proprietary, known_epoch = fields(meta, 'current', 'proprietary', 'epoch')
  if current == here then return {'resident'} end
  if current and known_proprietary ~= proprietary then return {'stranger', known_proprietary} end
  if int(known_epoch) > tonumber(epoch) then return {'stale'} end
  if open_for then
    local is_copied = int(prepared) == 0 and not grant
    is_copied = is_copied and in_force(touched, int(touched) + patience_ms, now)
    return {is_copied and 'busy' or 'unfinished'}
  end
  if packet ~= '1' then return {'gone'} end
  if stays_still(proprietary) then return {'still'} end
  call('HSET', arrival, 'transfer', transfer, 'source', source, 'proprietary', proprietary,
    'function', of_function, 'epoch', epoch, 'stay', stay, 'run', run)
  call('ZADD', arrivals, now, session)
end
version, list_count, listed = int(version), int(list_count), int(listed)
valued, replied = count_of(valued or 0, scalars), count_of(replied or 0, replies)

local function stamp(member)
  version = version + 1
  call('ZADD', versions, version, member)
  return version
end
local function forget(member) call('ZREM', versions, member) end

write_scalars(written, version, false, valued)
version = version + #written / 2
for _, name in ipairs(deleted) do drop_pieces(name, 0, valued) end
for _, list in ipairs(changed_lists) do
  listed = listed + change_list(list, stamp, forget, valued)
  if #list.elements > 0 then list_count = math.max(list_count, list.number + 1) end
end
for i = 1, #stored_replies, 2 do
  version = version + 1
  store_reply(stored_replies[i], stored_replies[i + 1], version, replied)
end

call('HSET', arrival, 'packets', packet, 'prepared', complete, 'version', version,
  'lists', list_count, 'touched', now, 'valued', valued.bytes, 'replied', replied.bytes,
  'listed', listed)
if complete ~= '0' then
  call('HSET', arrival, 'size', usage_of_data(valued.bytes, replied.bytes, listed))
  -- what must not be forgotten: by this the source knows whether it was (admit.lua)
  return {'ok', server_run(), call('HINCRBY', of_node, 'counter', 1)}
end
return {'ok', server_run(), 0}
