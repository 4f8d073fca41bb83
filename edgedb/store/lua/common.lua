-- Put before every script, after the constants of edgedb/store/limits.py; then sizes.lua and
-- data.lua, of all three what is used. No script takes anything
-- but KEYS and ARGV, which its first lines name; every script may be repeated with the same
-- arguments and then answers the same. `now` is a time in milliseconds, or '' for the server's.
--
-- A session's meta hash:
--   proprietary, current, function, epoch   the token; of a session that was removed: epoch only
--   stay           a random id, drawn when the session became resident; absent in a pointer
--   version        the last version given to an item; absent in a pointer
--   size           bytes that the server spends on the session, or on the pointer
--   valued, replied                         bytes of scalars and stored replies, with their names
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
--   told           where an update has said that this resident is, before it: in which epoch
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

-- Whether the sessions of a home stay where they are: not all nodes on their path have said what
-- they know of this store, which may be older than that (docs/protocol.md#behind).
local function stays_still(proprietary)
  local homes = call('HGET', of_node, 'still')
  return homes and string.find(' ' .. homes .. ' ', ' ' .. proprietary .. ' ', 1, true) ~= nil
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

-- Meet another node's store: what `relatives` keeps of each location is an incarnation, the run it
-- was last seen in and the highest counter seen of it, and which incarnations are lost.
local function met(relatives, location, incarnation, run, counter, begins)
  local known, lost = fields(relatives, location, 'lost:' .. location)
  if lost and string.find(lost, incarnation, 1, true) then return {'lost'} end
  local known_incarnation, known_run, highest = string.match(known or '', '(%x+) (%x+) (%d+)')
  if known and known_incarnation ~= incarnation then return {'replaced', known_incarnation} end
  counter, highest = int(counter), int(highest)
  local is_another_run = known and known_run ~= run
  local is_behind = is_another_run and counter < highest
  if is_another_run and not begins then return {is_behind and 'behind' or 'late'} end
  if known_run ~= run or counter > highest then
    call('HDEL', relatives, location)
    call('HSET', relatives, location, incarnation .. ' ' .. run .. ' ' .. math.max(counter, highest))
  end
  if is_behind then return {'behind'} end
  return {'ok'}
end
