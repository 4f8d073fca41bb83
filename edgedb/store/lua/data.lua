-- The data of a session: scalars and their pieces, lists, stored replies. Put before scripts after
-- sizes.lua.

-- An element of a list carries the version it was appended with.
local function element(version, value) return struct.pack('>I8', version) .. value end

local function version_of(stored)
  if #stored < 8 then return 0 end -- no node writes that, but another one may send it
  return (struct.unpack('>I8', stored))
end

-- The field of one piece of a scalar (edgedb/wire/pieces.py), counted from 0.
local function piece_field(name, number)
  if number == 0 then return name end
  return '\255' .. struct.pack('>I2', number) .. name
end

-- Delete the pieces of a scalar from one on; says whether there were any.
local function drop_pieces(name, first, valued)
  local number = first
  while true do
    local field = piece_field(name, number)
    local length = call('HSTRLEN', scalars, field)
    if length == 0 then return number > first end
    call('HDEL', scalars, field)
    call('ZREM', versions, 's' .. field)
    count_entry(valued, field, length, 0)
    number = number + 1
  end
end

-- Number and bytes of a list, and what the server spends on it, from its entry in the lists hash.
local function list_entry(entry)
  if not entry then return nil, 0, 0 end
  local number, bytes, spent = string.match(entry, '^(%d+) (%d+) ?(%d*)')
  return tonumber(number), tonumber(bytes), tonumber(spent) or 0
end

-- Many at a time: a command for each costs more than what it does.
local AT_ONCE = 1000

-- Write scalars: field, piece, field, piece, …; the first gets the next version.
local function write_scalars(written, version, any_gone, valued)
  for first = 1, #written, 2 * AT_ONCE do
    local last, is_known = math.min(first + 2 * AT_ONCE - 1, #written), nil
    if last - first > 8 then
      local members = {}
      for i = first, last, 2 do members[#members + 1] = 's' .. written[i] end
      is_known = call('ZMSCORE', versions, unpack(members))
    end
    for i = first, last, 2 do
      local field, place = written[i], (i - first) / 2 + 1
      local before = (not is_known or is_known[place]) and call('HSTRLEN', scalars, field) or 0
      -- a first piece ends the value before it, whose other pieces nobody has reported deleted
      if before > 0 then drop_pieces(field, 1, valued) end
      count_entry(valued, field, before, #written[i + 1])
    end
    call('HSET', scalars, unpack(written, first, last))
    for i = first, last, 2 do
      version = version + 1
      written[i], written[i + 1] = version, 's' .. written[i]
      if any_gone then call('ZREM', gone, written[i + 1]) end
    end
    call('ZADD', versions, unpack(written, first, last))
  end
end

-- Append values to a list; gives their bytes.
local function append(list_key, version, values)
  local bytes = 0
  for first = 1, #values, AT_ONCE do
    local last = math.min(first + AT_ONCE - 1, #values)
    for i = first, last do
      bytes, values[i] = bytes + #values[i], element(version, values[i])
    end
    call('RPUSH', list_key, unpack(values, first, last))
  end
  return bytes
end

-- Empty a list if it is replaced, and append to it; gives by how many bytes its elements grow.
-- `stamp` gives a member its version, `bury` takes it from one that is deleted.
local function change_list(list, stamp, bury, valued)
  local number, bytes, spent = list_entry(call('HGET', lists, list.name))
  local spent_before = spent
  if number and list.is_replaced then
    number, bytes, spent = nil, 0, 0
    call('DEL', list.key)
    call('HDEL', lists, list.name)
    bury('l' .. list.name)
  end
  if #list.elements > 0 then
    if not number then valued.touched = valued.touched + #list.name + 100 end
    local before, appended = bytes, #list.elements
    bytes = bytes + append(list.key, stamp('l' .. list.name), list.elements)
    spent = usage_of_list(list.key, spent, before, bytes, appended)
    call('HSET', lists, list.name, string.format('%d %d %d', list.number, bytes, spent))
  end
  return spent - spent_before
end

-- Store a reply as the newest. If the others are gone they were over their time.
local function store_reply(key, reply, version, replied)
  if call('EXISTS', replies) == 0 then replied.bytes = 0 end
  count_entry(replied, key, call('HSTRLEN', replies, key), #reply)
  call('HSET', replies, key, reply)
  call('ZADD', reply_index, version, key)
  call('PEXPIRE', replies, REPLY_TTL_MS)
  call('PEXPIRE', reply_index, REPLY_TTL_MS)
end

-- Drop all of a session but its meta hash; false if there are lists that were not named.
local function drop_data(list_keys)
  if call('HLEN', lists) ~= #list_keys then return false end
  call('UNLINK', scalars, lists, versions, gone, replies, reply_index)
  for _, key in ipairs(list_keys) do call('UNLINK', key) end
  return true
end

-- All keys of a session, which so many others are among, and what they are called once set aside.
local function all_keys(others, list_count)
  local owned, names = {}, {}
  for i = 1, 7 do owned[i] = KEYS[i] end
  for i = 8, 7 + list_count do owned[i] = KEYS[others + i] end
  for i = 1, #owned do names[i] = KEYS[others + #owned + i] end
  return owned, names
end

-- Set keys of a session aside, and name that in the index of what is: nothing is deleted for being in
-- the way. `hash` says whose it is and at which version.
local function set_aside(asides, id, session, why, now, hash, owned, names)
  local proprietary, current, source, of_function, epoch, version, prepared = fields(hash,
    'proprietary', 'current', 'source', 'function', 'epoch', 'version', 'prepared')
  local bytes = 0
  for i, key in ipairs(owned) do
    if call('EXISTS', key) == 1 then
      bytes = bytes + call('MEMORY', 'USAGE', key, 'SAMPLES', 5)
      call('RENAME', key, names[i])
      call('PEXPIRE', names[i], ASIDE_MS)
    end
  end
  call('HSET', asides, id, cjson.encode({session = session, why = why, since = tostring(now),
    bytes = tostring(bytes), proprietary = proprietary or '', current = current or source or '',
    of_function = of_function or '', epoch = epoch or '0', version = prepared or version or '0'}))
  call('PEXPIRE', asides, ASIDE_MS)
end
