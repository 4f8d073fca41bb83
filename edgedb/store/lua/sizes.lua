-- What the server spends on sessions, measured and counted, and the node's books on that
-- (docs/architecture.md#data-in-redis). Put before scripts between common.lua and data.lua.

-- Sums of the entries of a hash: bytes of their names, of names and values, and the squares of
-- the latter; and of how many bytes it is not known what the server spends on them now. nil where a
-- release before these sums has left entries.
local function sums_of(text, hash)
  if text == '?' or not text and call('EXISTS', hash) == 1 then return nil end
  local names, bytes, squares = string.match(text or '', '^(%d+) (%d+) (%d+)$')
  bytes = int(bytes)
  return {names = int(names), bytes = bytes, squares = int(squares), was = bytes, touched = 0}
end

local function text_of_sums(sums)
  if not sums then return '?' end
  if sums.names + sums.bytes == 0 then return '' end
  return string.format('%.0f %.0f %.0f', math.max(0, sums.names), sums.bytes, sums.squares)
end

-- Count an entry (sign 1), or one that is gone (-1).
local function count_entry(sums, name, length, sign)
  if not sums then return end
  local bytes = #name + length
  sums.names = sums.names + sign * #name
  sums.bytes = sums.bytes + sign * bytes
  sums.squares = sums.squares + sign * bytes * bytes
  sums.touched = sums.touched + bytes + 100
end

-- What the server spends on a key, by so many of its entries; 0: by all.
local function usage(key, entries) return call('MEMORY', 'USAGE', key, 'SAMPLES', entries) or 0 end

-- What it spends on a list to which elements were appended. A large one is measured each time it
-- has grown by a twentieth; an element's version and what is around it take some 14 bytes.
local function usage_of_list(key, spent, before, bytes, appended)
  local function step(n) return math.floor(16 * math.log(n) / math.log(2)) end
  if spent > 0 and before > SMALL_BYTES and step(before) == step(bytes) then
    return spent + bytes - before + 14 * appended
  end
  return usage(key, LIST_NODES_MEASURED)
end

-- What the server spends on the index of names of a hash. Of a large one the oldest are measured,
-- and the lengths of some of them are read, to correct for those of the others.
local function usage_of_index(index, indexed, sums)
  local measured, spent = math.min(indexed, INDEX_MEASURED), usage(index, INDEX_MEASURED)
  if measured == indexed or not sums then return spent end
  local NAMES, read = 128, 0
  for i = 0, NAMES - 1 do
    local place = math.floor(i * measured / NAMES)
    read = read + #call('ZRANGE', index, place, place)[1] - 1
  end
  return spent + sums.names - indexed * read / NAMES
end

-- What the server spends on a hash and on the index of its names. Few entries are measured. Of
-- many some are, which come in a random order, if by the variance of all they can speak for the rest.
local function usage_of_entries(hash, index, sums)
  if sums and sums.names + sums.bytes == 0 then return 0 end
  local count = call('HLEN', hash)
  local spent = usage_of_index(index, call('ZCARD', index), sums)
  local measured = usage(hash, ENTRIES_MEASURED)
  if count <= ENTRIES_MEASURED or not sums then return spent + measured end
  local mean = sums.bytes / count
  local tolerated = 0.03 * (mean + 100) -- of what an entry takes in all
  local is_like_the_rest = sums.squares / count - mean * mean
    <= ENTRIES_MEASURED * tolerated * tolerated
  if is_like_the_rest or call('OBJECT', 'ENCODING', hash) ~= 'hashtable' then
    return spent + measured
  end
  return spent + 1.04 * sums.bytes + 34 * count
end

-- What the server spends on a session but for its meta hash; in a few milliseconds.
local function usage_of_data(scalar_sums, reply_sums, listed, any_gone)
  local spent = listed + usage_of_entries(scalars, versions, scalar_sums)
    + usage_of_entries(replies, reply_index, reply_sums)
  if listed > 0 then spent = spent + usage(lists, ENTRIES_MEASURED) end
  if any_gone then spent = spent + usage(gone, 0) end
  return math.floor(spent)
end

-- Keep in the meta hash what the server spends on it and on the data; gives that. As large a
-- number is there already, so that it needs no room.
local function keep_size(spent_on_data)
  local size = spent_on_data + usage(meta, 0)
  call('HSET', meta, 'size', size)
  return size
end

-- What a server spends on residents of so many bytes, pointers, and what is said of both in indexes,
-- as ResidentStore.load adds it up: each resident is in two.
local function spent_by_node(node, by_size, bytes)
  return int(bytes) + int(call('HGET', node, 'pointers')) + 2 * usage(by_size, 5)
end

-- Let the node's books say what a resident's meta hash says; gives the bytes of all residents.
local function book(by_size, node, session, before, size)
  if size == before then return int(call('HGET', node, 'bytes')) end
  call('ZADD', by_size, size, session)
  return call('HINCRBY', node, 'bytes', size - before)
end

-- Take a resident out of the node's indexes.
local function unindex(by_size, of_proprietary, session)
  call('ZREM', by_size, session)
  call('ZREM', of_proprietary, session)
end
