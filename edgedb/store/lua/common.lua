-- Put before every script, after the constants of edgedb/store/limits.py. No script takes anything
-- but KEYS and ARGV, which its first lines name; every script may be repeated with the same
-- arguments and then answers the same. `now` is a time in milliseconds, or '' for the server's.
--
-- A session's meta hash:
--   proprietary, current, function, epoch   the token; of a session that was removed: epoch only
--   stay           a random id, drawn when the session became resident; absent in a pointer
--   version        the last version given to an item; absent in a pointer
--   size           bytes that the server spends on the session, or on the pointer
--   scalars, replied                        sums of those entries, by which many are weighed
--   listed         bytes that the server spends on the lists' elements
--   loose          bytes written since the size was measured
--   lists          how many list numbers were ever given out
--   lock, lock_function                     the running request, and of which function it is
--   lock_since, lock_renewed, lock_until    milliseconds: taken, renewed last, over
--   queue          who waits for the lock, in order: lock, until, lock, until, …
--   last           the lock of the last commit: by it a repeated commit is recognised, and
--                  whether anybody came since a request began
--   held           the version that the destination had for which new requests were last held
--   held_since, held_until                  milliseconds: from when to when
--   handed, handed_version                  in a pointer: the transfer that got the session, at
--                  which version
--   reported, reported_by                   in a pointer: the epoch of the move that an oracle was
--                  told of, and which of its calls
--   buried         there was a deletion
--   floor          deletions up to this version are forgotten
--
-- A write command that may use memory is refused by a full server, unless the script has
-- written before: steps that must work on a full node begin with an HDEL, DEL or ZREM.

local call = redis.call

-- The keys of a session, which come first, in the order of SessionKeys.parts (keys.py).
local meta, scalars, lists, versions, gone, replies, reply_index = unpack(KEYS, 1, 7)

-- Those after them but for the lists'.
local function other_keys(count) return unpack(KEYS, 8, 7 + count) end

-- The last keys: those of lists, after a session's and so many others.
local function keys_of_lists(others)
  local keys = {}
  for i = 8 + others, #KEYS do keys[#keys + 1] = KEYS[i] end
  return keys
end

-- The first arguments; counted groups follow them.
local position
local function arguments(count)
  position = count
  return unpack(ARGV, 1, count)
end

local function next_argument()
  position = position + 1
  return ARGV[position]
end

-- A group of arguments: how many, then as many arguments, or things that `read` reads.
local NONE = {}
local function counted(read)
  local count = tonumber(next_argument())
  if count == 0 then return NONE end
  local group = {}
  if read then
    for i = 1, count do group[i] = read(i) end
  else
    for i = 1, count do group[i] = ARGV[position + i] end
    position = position + count
  end
  return group
end

-- A group of lists as a commit or a packet changes them.
local function counted_lists(others)
  return counted(function(i)
    return {
      key = KEYS[7 + others + i],
      name = next_argument(),
      number = tonumber(next_argument()),
      is_replaced = next_argument() == '1',
      elements = counted(),
    }
  end)
end

-- Fields of a hash, to be named in the same order; one that is not there is false.
local function fields(hash, ...) return unpack(call('HMGET', hash, ...)) end

-- As given, or the server's own clock, which all replicas of a function share.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function int(text) return tonumber(text or 0) or 0 end

-- What was to hold from one moment to another holds now. A beginning that is ahead was written
-- before the clock was set back, and nobody knows how long ago; what a clock is off by it may be.
local function in_force(since, ends, now)
  return int(since) <= now + CLOCK_STEP_MS and now < int(ends)
end

local function is_locked(meta, now)
  local since, ends = fields(meta, 'lock_renewed', 'lock_until')
  return in_force(since, ends, now)
end

local function unlock(meta)
  call('HDEL', meta, 'lock', 'lock_function', 'lock_since', 'lock_renewed', 'lock_until')
end

-- What the server calls itself; another after each restart and promotion. Versions that were seen
-- in another run may count what has been lost.
local function server_run()
  return string.match(call('INFO', 'replication'), 'master_replid:(%x+)')
end

-- Let a session be removed, all but its epoch (0: that too): what is created in its place within
-- this time is of a later one.
local function remove(meta, epoch)
  call('DEL', meta)
  if epoch > 0 then
    call('HSET', meta, 'epoch', epoch)
    call('PEXPIRE', meta, REMEMBERED_MS)
  end
end

-- A session that is never committed leaves nothing behind; in the place of one that was removed,
-- no more than that has.
local function expire_unless_committed(meta, epoch, lock_ttl_ms)
  if int(epoch) == 1 then call('PEXPIRE', meta, 2 * lock_ttl_ms) end
end

-- Take a request out of the queue for the lock, and with `now` whoever has not asked for long.
-- Gives the others' entries, and how many of them are before it.
local function others_in(queue, lock, now)
  local others, before = {}, nil
  for holder, until_ms in string.gmatch(queue, '(%S+) (%S+)') do
    if holder == lock then
      before = #others
    elseif not now or in_force(until_ms - TICKET_MS, until_ms, now) then
      others[#others + 1] = holder .. ' ' .. until_ms
    end
  end
  return others, before or #others
end

-- A queue need not outlive the server: the append-only file is not told.
local function set_queue(meta, entries)
  redis.set_repl(redis.REPL_NONE)
  call('HDEL', meta, 'queue')
  if #entries > 0 then call('HSET', meta, 'queue', table.concat(entries, ' ')) end
  redis.set_repl(redis.REPL_ALL)
end

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

-- Delete the pieces of a scalar from one on; says whether there were any.
local function drop_pieces(name, first, sums)
  local number = first
  while true do
    local field = piece_field(name, number)
    local length = call('HSTRLEN', scalars, field)
    if length == 0 then return number > first end
    call('HDEL', scalars, field)
    call('ZREM', versions, 's' .. field)
    count_entry(sums, field, length, -1)
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
local function write_scalars(written, version, any_gone, sums)
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
      if before > 0 then
        count_entry(sums, field, before, -1)
        -- a first piece ends the value before it, whose other pieces nobody has reported deleted
        drop_pieces(field, 1, sums)
      end
      count_entry(sums, field, #written[i + 1], 1)
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

-- Empty a list if it is replaced, and append to it; gives by how many bytes its elements grow.
-- `stamp` gives a member its version, `bury` takes it from one that is deleted.
local function change_list(list, stamp, bury, sums)
  local number, bytes, spent = list_entry(call('HGET', lists, list.name))
  local spent_before = spent
  if number and list.is_replaced then
    number, bytes, spent = nil, 0, 0
    call('DEL', list.key)
    call('HDEL', lists, list.name)
    if sums then sums.names = sums.names - #list.name end
    bury('l' .. list.name)
  end
  if #list.elements > 0 then
    if not number and sums then
      sums.names, sums.touched = sums.names + #list.name, sums.touched + #list.name + 100
    end
    local before, appended = bytes, #list.elements
    bytes = bytes + append(list.key, stamp('l' .. list.name), list.elements)
    spent = usage_of_list(list.key, spent, before, bytes, appended)
    call('HSET', lists, list.name, string.format('%d %d %d', list.number, bytes, spent))
  end
  return spent - spent_before
end

-- Store a reply as the newest. If the others are gone they were over their time.
local function store_reply(key, reply, version, sums)
  local before = call('HSTRLEN', replies, key)
  if sums and call('EXISTS', replies) == 0 then sums.names, sums.bytes, sums.squares = 0, 0, 0 end
  if before > 0 then count_entry(sums, key, before, -1) end
  count_entry(sums, key, #reply, 1)
  call('HSET', replies, key, reply)
  call('ZADD', reply_index, version, key)
  call('PEXPIRE', replies, REPLY_TTL_MS)
  call('PEXPIRE', reply_index, REPLY_TTL_MS)
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

-- Drop all of a session but its meta hash; false if there are lists that were not named.
local function drop_data(list_keys)
  if call('HLEN', lists) ~= #list_keys then return false end
  call('UNLINK', scalars, lists, versions, gone, replies, reply_index)
  for _, key in ipairs(list_keys) do call('UNLINK', key) end
  return true
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
