-- What the server spends on sessions, measured and counted, and the node's books on that
-- (docs/architecture.md#data-in-redis). Put before scripts between common.lua and data.lua.

-- What the server spends on a key, by all of its entries.
local function usage(key) return call('MEMORY', 'USAGE', key, 'SAMPLES', 0) or 0 end

-- What a step does to the entries of a hash: bytes of their names and values, which were so many,
-- and of how many it is not known what the server spends on them now. A release before has not
-- counted.
local function count_of(text, hash)
  local bytes = tonumber(text)
  local touched = bytes and 0 or 1
  bytes = bytes or math.floor(usage(hash) / 1.04 - 33 * call('HLEN', hash))
  return {bytes = bytes, was = bytes, touched = touched}
end

-- Count an entry that was of some length, and is of another; 0: there is none. One that is as long
-- as before takes the same room.
local function count_entry(count, name, before, length)
  if before == length then return end
  local change = (length > 0 and #name + length or 0) - (before > 0 and #name + before or 0)
  count.bytes = count.bytes + change
  count.touched = count.touched + math.abs(change) + 100
end

-- What it spends on a list to which elements were appended. A large one is measured each time it
-- has grown by a twentieth; an element's version and what is around it take some 14 bytes.
local function usage_of_list(key, spent, before, bytes, appended)
  local function step(n) return math.floor(16 * math.log(n) / math.log(2)) end
  if spent > 0 and before > SMALL_BYTES and step(before) == step(bytes) then
    return spent + bytes - before + 14 * appended
  end
  return call('MEMORY', 'USAGE', key, 'SAMPLES', LIST_NODES_MEASURED)
end

-- What the server spends on a hash. Of very many entries it would take long to say.
local function usage_of_hash(hash, bytes)
  if bytes <= ENTRIES_MEASURED or call('HLEN', hash) <= ENTRIES_MEASURED then return usage(hash) end
  return 1.04 * bytes + 34 * call('HLEN', hash)
end

-- What the server spends on a session but for its meta hash; in a few milliseconds.
local function usage_of_data(valued, replied, listed, any_gone)
  local spent = listed + usage(versions)
  if any_gone then spent = spent + usage(gone) end
  if valued > 0 then spent = spent + usage_of_hash(scalars, valued) end
  if replied > 0 then spent = spent + usage_of_hash(replies, replied) + usage(reply_index) end
  if listed > 0 then spent = spent + usage(lists) end
  return math.floor(spent)
end

-- Keep in the meta hash what the server spends on it and on the data; gives that. As large a
-- number is there already, so that it needs no room.
local function keep_size(spent_on_data)
  local size = spent_on_data + usage(meta)
  call('HSET', meta, 'size', size)
  return size
end

-- What a server spends on residents of so many bytes, pointers, and what is said of both in indexes,
-- as ResidentStore.load adds it up: each resident is in two.
local function spent_by_node(node, by_size, bytes)
  return int(bytes) + int(call('HGET', node, 'pointers')) + 2 * (call('MEMORY', 'USAGE', by_size) or 0)
end

-- Let the node's books say what a resident's meta hash says; gives the bytes of all residents.
local function book(by_size, node, session, before, size)
  call('ZADD', by_size, size, session)
  return call('HINCRBY', node, 'bytes', size - before)
end

-- Take a resident out of the node's indexes.
local function unindex(by_size, of_proprietary, session)
  call('ZREM', by_size, session)
  call('ZREM', of_proprietary, session)
end
