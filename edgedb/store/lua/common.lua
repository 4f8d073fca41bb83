-- Put before every script, after the constants of edgedb/store/limits.py. No script takes anything
-- but KEYS and ARGV, which its first lines name; every script may be repeated with the same
-- arguments and then answers the same. `now` is a time in milliseconds, or '' for the server's.
--
-- A session's meta hash:
--   proprietary, current, function, epoch   the token; of a session that was removed: epoch only
--   stay           a random id, drawn when the session became resident; absent in a pointer
--   version        the last version given to an item; absent in a pointer
--   size           bytes of the user's keys and values
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

-- Delete the pieces of a scalar from one on; gives the bytes of them and of their fields.
local function drop_pieces(name, first)
  local bytes, number = 0, first
  while true do
    local field = piece_field(name, number)
    local length = call('HSTRLEN', scalars, field)
    if length == 0 then return bytes end
    call('HDEL', scalars, field)
    call('ZREM', versions, 's' .. field)
    bytes, number = bytes + #field + length, number + 1
  end
end

-- Number and bytes of a list, from its entry in the lists hash.
local function list_entry(entry)
  if not entry then return nil, 0 end
  local number, bytes = string.match(entry, '^(%d+) (%d+)')
  return tonumber(number), tonumber(bytes)
end

-- Many at a time: a command for each costs more than what it does.
local AT_ONCE = 1000

-- Write scalars: field, piece, field, piece, …; the first gets the next version. Gives by how many
-- bytes the session grows.
local function write_scalars(written, version, any_gone)
  local growth = 0
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
      growth = growth + #written[i + 1] - before + (before > 0 and 0 or #field)
      -- a first piece ends the value before it, whose other pieces nobody has reported deleted
      if before > 0 then growth = growth - drop_pieces(field, 1) end
    end
    call('HSET', scalars, unpack(written, first, last))
    for i = first, last, 2 do
      version = version + 1
      written[i], written[i + 1] = version, 's' .. written[i]
      if any_gone then call('ZREM', gone, written[i + 1]) end
    end
    call('ZADD', versions, unpack(written, first, last))
  end
  return growth
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

-- Empty a list if it is replaced, and append to it; gives by how many bytes the session grows.
-- `stamp` gives a member its version, `bury` takes it from one that is deleted.
local function change_list(list, stamp, bury)
  local number, bytes = list_entry(call('HGET', lists, list.name))
  local growth = 0
  if number and list.is_replaced then
    growth, number, bytes = -bytes - #list.name, nil, 0
    call('DEL', list.key)
    call('HDEL', lists, list.name)
    bury('l' .. list.name)
  end
  if #list.elements > 0 then
    if not number then growth = growth + #list.name end
    local added = append(list.key, stamp('l' .. list.name), list.elements)
    call('HSET', lists, list.name, string.format('%d %d', list.number, bytes + added))
    growth = growth + added
  end
  return growth
end

-- Drop all of a session but its meta hash; false if there are lists that were not named.
local function drop_data(list_keys)
  if call('HLEN', lists) ~= #list_keys then return false end
  call('UNLINK', scalars, lists, versions, gone, replies, reply_index)
  for _, key in ipairs(list_keys) do call('UNLINK', key) end
  return true
end

-- Put a resident into the node's indexes, or take it out.
local function index(by_size, of_proprietary, session, size, now)
  call('ZADD', by_size, size, session)
  call('ZADD', of_proprietary, now, session)
end

local function unindex(by_size, of_proprietary, session)
  call('ZREM', by_size, session)
  call('ZREM', of_proprietary, session)
end
