-- Prepended to every script. No script takes anything but KEYS and ARGV; every script may be
-- repeated with the same arguments and then answers the same.
--
-- A session's meta hash:
--   proprietary, current, function, epoch   the token
--   version        the last version given to an item; absent in a pointer
--   size           bytes of the user's keys and values
--   lists          how many list numbers were ever given out
--   lock, lock_until                        the running request, milliseconds
--   last           the lock of the last commit, by which a repeated commit is recognised
--   frozen_for, frozen_until, grant         the transfer it is frozen for; grant once issued
--   thawed         the transfer that was thawed last; never frozen for it again
--   handed         in a pointer: the grant that was honoured
--   buried         there was a deletion
--   floor          deletions up to this version are forgotten
--
-- A write command that may use memory is refused by a full server, unless the script has
-- written before: steps that must work on a full node begin with an HDEL, DEL or ZREM.

local call = redis.call

-- Milliseconds: as given, or the server's own clock, which all replicas of a function share.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function int(text) return tonumber(text or 0) or 0 end

-- A freeze that is over its time counts as thawed, whether or not anyone has noticed.
local function is_frozen(meta, now)
  return int(call('HGET', meta, 'frozen_until')) > now
end

local function end_freeze(meta)
  local transfer = call('HGET', meta, 'frozen_for')
  call('HDEL', meta, 'frozen_for', 'frozen_until', 'grant')
  if transfer then call('HSET', meta, 'thawed', transfer) end
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
local function drop_pieces(scalars, versions, name, first)
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

-- The entry of a list in the lists hash: its number and its bytes.
local function list_entry(lists, name)
  local entry = call('HGET', lists, name)
  if not entry then return nil, 0 end
  local number, bytes = string.match(entry, '^(%d+) (%d+)')
  return tonumber(number), tonumber(bytes)
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
