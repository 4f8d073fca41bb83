-- Let what was set aside be a resident session, under a name that is free here.
-- Returns its epoch, or 'gone' if there is nothing (any more) of which a session could be made, or 'taken' if
--   the name is known here.
-- KEYS: the session's,
local arrival,
  by_size,
  of_proprietary,
  node,
  asides, -- the index
  source = other_keys(6) -- the hash that was its meta, or its arrival; then pairs: set aside, now
local now,
  here,
  session,
  proprietary,
  epoch, -- later than this one
  stay, -- a random id
  id = unpack(ARGV)

local known_stay, known_epoch = fields(meta, 'stay', 'epoch')
if known_stay == stay then return int(known_epoch) end
if known_stay or call('HEXISTS', meta, 'current') == 1 or call('EXISTS', arrival) == 1 then
  return 'taken'
end
local of_function, version, prepared, list_count, valued, replied, listed, floor =
  fields(source, 'function', 'version', 'prepared', 'lists', 'valued', 'replied', 'listed', 'floor')
if not of_function or not version then return 'gone' end
epoch = math.max(int(known_epoch), int(epoch)) + 1

call('HDEL', asides, id)
call('DEL', meta, source)
for i = 14, #KEYS, 2 do
  if call('EXISTS', KEYS[i]) == 1 then
    call('RENAME', KEYS[i], KEYS[i + 1])
    call('PERSIST', KEYS[i + 1])
  end
end
for _, key in ipairs({replies, reply_index}) do call('PEXPIRE', key, REPLY_TTL_MS) end
valued, replied = count_of(valued, scalars).bytes, count_of(replied, replies).bytes
call('HSET', meta, 'proprietary', proprietary, 'current', here, 'function', of_function,
  'epoch', epoch, 'stay', stay,
  'version', math.max(int(version), int(prepared)), 'size', META_BYTES, 'lists', int(list_count),
  'valued', valued, 'replied', replied, 'listed', int(listed), 'floor', int(floor))
if call('EXISTS', gone) == 1 then call('HSET', meta, 'buried', 1) end
call('ZADD', of_proprietary, clock(now), session)
book(by_size, node, session, 0, keep_size(usage_of_data(valued, replied, int(listed), true)))
return epoch
