-- Stage a packet of an arriving session (design section 3, steps 1 and 3).
-- KEYS: arrival, scalars, lists, versions, replies, reply index, then the keys of lists named
-- ARGV: now, transfer, number of the packet (from 1), reply ttl in ms, then counted groups:
--       scalars to set (field, piece), scalars to delete (key), lists to delete (key),
--       lists (key, number, cleared (1 | 0), count, elements…), replies (key, reply)
--       (the lists' keys in KEYS: first those to delete, then those to extend)
-- Returns 'ok', or 'gone' if this arrival is not open for this packet. Packets are numbered so
-- that one that is repeated late does not put older values over newer ones.
local arrival, scalars, lists, versions = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now = clock(ARGV[1])
local state = call('HMGET', arrival, 'transfer', 'phase', 'version', 'size', 'lists', 'packets')
if state[1] ~= ARGV[2] or state[2] ~= 'copying' then return 'gone' end
local packet = tonumber(ARGV[3])
if int(state[6]) == packet then return 'ok' end
if int(state[6]) ~= packet - 1 then return 'gone' end
local version, size, list_count = int(state[3]), int(state[4]), int(state[5])

local position, list_key = 4, 6
local function take()
  position = position + 1
  return ARGV[position]
end
local function next_list()
  list_key = list_key + 1
  return KEYS[list_key]
end
local function drop_list(list, name, bytes)
  size = size - bytes - #name
  call('DEL', list)
  call('HDEL', lists, name)
  call('ZREM', versions, 'l' .. name)
end

-- Many at a time: a command for each costs more than what it does.
local BATCH = 1000
local function flushed(command, key, batch)
  if #batch > 0 then call(command, key, unpack(batch)) end
  return {}
end

local left = tonumber(take())
while left > 0 do
  local sets, members, stamps, count = {}, {}, {}, math.min(left, BATCH)
  for i = 1, count do
    local field, piece = ARGV[position + 1], ARGV[position + 2]
    position = position + 2
    sets[2 * i - 1], sets[2 * i], members[i] = field, piece, 's' .. field
    stamps[2 * i - 1], stamps[2 * i] = version + i, members[i]
    size = size + #field + #piece
  end
  for i, staged in ipairs(call('ZMSCORE', versions, unpack(members))) do
    local field = sets[2 * i - 1]
    local before = staged and call('HSTRLEN', scalars, field) or 0
    -- a first piece ends the value before it, whose other pieces nobody has reported deleted
    if before > 0 then
      size = size - #field - before - drop_pieces(scalars, versions, field, 1)
    end
  end
  call('HSET', scalars, unpack(sets))
  call('ZADD', versions, unpack(stamps))
  left, version = left - count, version + count
end

for _ = 1, tonumber(take()) do size = size - drop_pieces(scalars, versions, take(), 0) end

for _ = 1, tonumber(take()) do
  local list, name = next_list(), take()
  local existing, bytes = list_entry(lists, name)
  if existing then drop_list(list, name, bytes) end
end

for _ = 1, tonumber(take()) do
  local list, name, number, is_cleared, count = next_list(), take(), take(), take(), take()
  local existing, bytes = list_entry(lists, name)
  if existing and is_cleared == '1' then
    drop_list(list, name, bytes)
    existing, bytes = nil, 0
  end
  if tonumber(count) > 0 then
    if not existing then size = size + #name end
    version = version + 1
    local elements = {}
    for _ = 1, tonumber(count) do
      local value = take()
      bytes, size = bytes + #value, size + #value
      elements[#elements + 1] = element(version, value)
      if #elements >= BATCH then elements = flushed('RPUSH', list, elements) end
    end
    flushed('RPUSH', list, elements)
    call('HSET', lists, name, number .. ' ' .. string.format('%d', bytes))
    call('ZADD', versions, version, 'l' .. name)
    list_count = math.max(list_count, tonumber(number) + 1)
  end
end

for _ = 1, tonumber(take()) do
  local key, reply = take(), take()
  version = version + 1
  call('HSET', KEYS[5], key, reply)
  call('ZADD', KEYS[6], version, key)
  call('PEXPIRE', KEYS[5], ARGV[4])
  call('PEXPIRE', KEYS[6], ARGV[4])
end

call('HSET', arrival, 'packets', packet, 'version', version, 'size', size, 'lists', list_count, 'touched', now)
return 'ok'
