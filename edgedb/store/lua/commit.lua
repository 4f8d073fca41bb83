-- Commit a request (docs/protocol.md#a-request): all of it or nothing.
-- Returns 'ok' (also when repeated, as far as that can be told), 'heavy' if besides the node should
-- be relieved and this request is the one to say so, 'lost' if the session is not
-- locked by this request any more, or 'full' if it would have too many values or lists.
-- KEYS: the session's,
local by_size,
  of_proprietary,
  node,
  outbox = other_keys(4) -- and those of the changed lists
local now,
  here,
  session,
  lock,
  epoch,
  begun_after, -- the last commit when the request began, or ''
  is_indexed, -- '1' | '0': node-local state is in no index
  idempotency_key, -- or ''
  reply = arguments(9)
local written = counted() -- scalars: field, piece, field, piece, …
local deleted = counted() -- names of scalars
local changed_lists = counted_lists(4)
local messages = counted()
now = clock(now)

local current, known_epoch, locked_by, known_version, size, list_count, last, buried, valued, replied,
  listed_before, loose = fields(meta, 'current', 'epoch', 'lock', 'version', 'size', 'lists', 'last',
    'buried', 'valued', 'replied', 'listed', 'loose')
-- A server that has restarted has forgotten the lock; if nobody else came since, nothing is lost.
-- The version does not say so: a server that has lost writes counts from there anew.
local is_forgotten = not locked_by and (last or '') == begun_after
local is_held = locked_by == lock or is_forgotten and last ~= lock
if current ~= here or known_epoch ~= epoch or not is_held then
  return last == lock and 'ok' or 'lost'
end
local version = int(known_version)
size, list_count, listed_before = int(size), int(list_count), int(listed_before)
valued, replied = count_of(valued, scalars), count_of(replied, replies)
local size_before, listed, is_new, any_gone = size, listed_before, version == 0, buried ~= false

-- Before anything is applied, since there is no way back. What a session has beyond a limit it
-- may keep; it may not grow.
local function is_full()
  -- each item has a version of its own
  if version + #ARGV < math.min(VALUES_LIMIT, LISTS_LIMIT) then return false end
  local values, names = call('HLEN', scalars), call('HLEN', lists)
  local most_values, most_names = math.max(VALUES_LIMIT, values), math.max(LISTS_LIMIT, names)
  local function uncount_pieces(name)
    local number = 0
    while call('HEXISTS', scalars, piece_field(name, number)) == 1 do number = number + 1 end
    values = values - number
  end
  for i = 1, #written, 2 do
    values = values + 1
    if string.byte(written[i]) ~= 255 then uncount_pieces(written[i]) end
  end
  for _, name in ipairs(deleted) do uncount_pieces(name) end
  for _, list in ipairs(changed_lists) do
    if #list.elements > 0 then names = names + 1 end
    if #list.elements > 0 or list.is_replaced then
      names = names - call('HEXISTS', lists, list.name)
    end
  end
  return values > most_values or names > most_names
end
if is_full() then return 'full' end

-- Each reply stored makes room for itself: the oldest go that are too many, or too large, and up
-- to two that are over their time.
local function make_room_for_replies(now)
  local dropped = 0
  while dropped < REPLIES_DROPPED do
    local old = call('ZRANGE', reply_index, 0, 0)[1]
    local stored = old and call('HGET', replies, old)
    local is_full = replied.bytes > REPLY_BYTES_LIMIT
      or replied.bytes > REPLIES_LIMIT and call('HLEN', replies) > REPLIES_LIMIT
    local is_over = dropped < 2 and (not stored or version_of(stored) <= now)
    if not old or not (is_full or is_over) then return end
    call('HDEL', replies, old)
    call('ZREM', reply_index, old)
    if stored then count_entry(replied, old, #stored, 0) end
    dropped = dropped + 1
  end
end

-- A session is measured again once what has been written since may have changed its size by some
-- per cent; by anything that takes another room than before if it is small, or as long as the
-- server may begin to keep its entries one by one.
local function is_kept_one_by_one(hash, index)
  return call('OBJECT', 'ENCODING', hash) == 'hashtable'
    and call('OBJECT', 'ENCODING', index) == 'skiplist'
end
local is_large = size >= SIZE_ESTIMATED and is_kept_one_by_one(scalars, versions)
  and (idempotency_key == '' or is_kept_one_by_one(replies, reply_index))

local function stamp(member)
  version = version + 1
  call('ZADD', versions, version, member)
  if any_gone then call('ZREM', gone, member) end
  return version
end
local function bury(member)
  version = version + 1
  call('ZREM', versions, member)
  call('ZADD', gone, version, member)
  any_gone = true
end

-- Once in a while one request asks for what no tick does already.
local function is_relief_due(bytes)
  local above, asked, since, ends = fields(node, 'above', 'asked', 'relief_since', 'relief_until')
  if not above or spent_by_node(node, by_size, bytes) <= tonumber(above) then return false end
  if in_force(asked, int(asked) + ASK_MS, now) or in_force(since, ends, now) then return false end
  call('HSET', node, 'asked', now)
  return true
end

write_scalars(written, version, any_gone, valued)
version = version + #written / 2
for _, name in ipairs(deleted) do
  if drop_pieces(name, 0, valued) then bury('s' .. name) end
end
for _, list in ipairs(changed_lists) do
  listed = listed + change_list(list, stamp, bury, valued)
  if #list.elements > 0 then list_count = math.max(list_count, list.number + 1) end
end
for _, message in ipairs(messages) do call('XADD', outbox, '*', 'message', message) end

if is_new then version = math.max(version, 1) end
if idempotency_key ~= '' then
  version = version + 1
  store_reply(idempotency_key, element(now + REPLY_TTL_MS, reply), version, replied)
  make_room_for_replies(now)
end

unlock(meta)
if any_gone and call('ZCARD', gone) > DELETIONS_KEPT then
  call('DEL', gone)
  call('HSET', meta, 'floor', version)
end
if any_gone and not buried then call('HSET', meta, 'buried', 1) end
local grown = listed - listed_before + valued.bytes - valued.was + replied.bytes - replied.was
local touched = valued.touched + replied.touched
loose = int(loose) + touched + version - int(known_version)
local is_known = not is_new and (touched == 0 or is_large) and loose * LOOSE_SHARE < size_before
local on_data = is_indexed == '1' and not is_known
  and usage_of_data(valued.bytes, replied.bytes, listed, any_gone)
if on_data then
  size, loose = on_data + usage(meta), 0
else
  size = size + grown
end
call('HSET', meta, 'version', version, 'last', lock, 'loose', loose, 'lists', list_count,
  'size', size, 'listed', listed, 'valued', valued.bytes, 'replied', replied.bytes)
if is_new then
  call('PERSIST', meta)
  size = on_data and keep_size(on_data) or size
end
if is_indexed == '1' then
  call('ZADD', of_proprietary, now, session)
  local bytes = size ~= size_before and book(by_size, node, session, size_before, size)
  if size > size_before and is_relief_due(bytes) then return 'heavy' end
end
return 'ok'
