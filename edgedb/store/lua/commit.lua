-- Commit a request (design section 2, step 6): all of it or nothing.
-- KEYS: meta, scalars, lists, versions, gone, replies, reply index, residents by size,
--       residents of the proprietary, node, outbox, then the keys of the changed lists
-- ARGV: now, here, session, lock, epoch, indexed (1 | 0), most forgotten deletions kept,
--       idempotency key or '', reply, reply ttl in ms, most values, most lists, most replies
--       of a session, version when the request began, then counted groups:
--       scalars to set (key, count, pieces…), scalars to delete (key),
--       lists (key, number, replaced (1 | 0), count, elements…), messages (payload)
-- Returns 'ok' (also when repeated, as far as that can be told), 'lost' if the session is not
-- locked by this request any more, or 'full' if it would have too many values or lists.
local meta, scalars, lists, versions, gone = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now, here, session, lock = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local key, reply, reply_ttl = ARGV[8], ARGV[9], tonumber(ARGV[10])

local state = call('HMGET', meta, 'current', 'epoch', 'lock', 'version', 'size', 'lists', 'last',
  'buried', 'frozen_for')
-- A server that has restarted has forgotten the lock; if nobody else came since, nothing is lost.
local is_forgotten = not state[3] and not state[9] and state[4] == ARGV[14]
local is_held = state[3] == lock or is_forgotten and state[7] ~= lock
if state[1] ~= here or state[2] ~= ARGV[5] or not is_held then
  return state[7] == lock and 'ok' or 'lost'
end
local version, size, list_count = int(state[4]), int(state[5]), int(state[6])
local size_before, is_new = size, version == 0

local position = 14
local function take()
  position = position + 1
  return ARGV[position]
end

-- Before anything is applied, since there is no way back. What a session has beyond a limit it
-- may keep; it may not grow.
local function is_full()
  local most = math.min(tonumber(ARGV[11]), tonumber(ARGV[12]))
  if version + #ARGV < most then return false end -- each item has a version of its own
  local most_values = math.max(tonumber(ARGV[11]), call('HLEN', scalars))
  local most_lists = math.max(tonumber(ARGV[12]), call('HLEN', lists))
  local values, list_names = call('HLEN', scalars), call('HLEN', lists)
  local function uncount_pieces(name)
    local number = 0
    while call('HEXISTS', scalars, piece_field(name, number)) == 1 do number = number + 1 end
    values = values - number
  end
  for _ = 1, tonumber(take()) do
    uncount_pieces(take())
    local count = tonumber(take())
    values, position = values + count, position + count
  end
  for _ = 1, tonumber(take()) do uncount_pieces(take()) end
  for _ = 1, tonumber(take()) do
    local exists = call('HEXISTS', lists, take())
    take()
    local is_replaced, count = take(), tonumber(take())
    if count > 0 then list_names = list_names + 1 end
    if count > 0 or is_replaced == '1' then list_names = list_names - exists end
    position = position + count
  end
  return values > most_values or list_names > most_lists
end
if is_full() then return 'full' end
position = 14
local any_gone = state[8] ~= false
local function stamp(member)
  version = version + 1
  call('ZADD', versions, version, member)
  if any_gone then call('ZREM', gone, member) end
end
local function bury(member)
  version = version + 1
  call('ZREM', versions, member)
  call('ZADD', gone, version, member)
  any_gone = true
end

for _ = 1, tonumber(take()) do
  local name, count, is_there = take(), tonumber(take()), false
  for number = 0, count - 1 do
    local field, piece = piece_field(name, number), take()
    local before = call('HSTRLEN', scalars, field)
    if number == 0 then is_there = before > 0 end
    size = size + #piece - (before > 0 and before or -#field)
    call('HSET', scalars, field, piece)
    stamp('s' .. field)
  end
  if is_there then size = size - drop_pieces(scalars, versions, name, count) end
end

for _ = 1, tonumber(take()) do
  local name = take()
  local bytes = drop_pieces(scalars, versions, name, 0)
  if bytes > 0 then
    size = size - bytes
    bury('s' .. name)
  end
end

for i = 1, tonumber(take()) do
  local list, name, number, is_replaced, count = KEYS[11 + i], take(), take(), take(), take()
  local existing, bytes = list_entry(lists, name)
  if existing and is_replaced == '1' then
    size = size - bytes - #name
    bytes, existing = 0, nil
    call('DEL', list)
    call('HDEL', lists, name)
    bury('l' .. name)
  end
  if tonumber(count) > 0 then
    if not existing then size = size + #name end
    for _ = 1, tonumber(count) do
      local value = take()
      bytes, size = bytes + #value, size + #value
      call('RPUSH', list, element(version + 1, value))
    end
    call('HSET', lists, name, number .. ' ' .. string.format('%d', bytes))
    list_count = math.max(list_count, tonumber(number) + 1)
    stamp('l' .. name)
  end
end

for _ = 1, tonumber(take()) do call('XADD', KEYS[11], '*', 'message', take()) end

if is_new then version = math.max(version, 1) end
if key ~= '' then
  version = version + 1
  call('HSET', KEYS[6], key, element(now + reply_ttl, reply))
  call('ZADD', KEYS[7], version, key)
  call('PEXPIRE', KEYS[6], reply_ttl)
  call('PEXPIRE', KEYS[7], reply_ttl)
  -- each reply stored makes room for itself: up to two go that are over their time, or too many
  local too_many = call('HLEN', KEYS[6]) - tonumber(ARGV[13])
  for i, old in ipairs(call('ZRANGE', KEYS[7], 0, 1)) do
    local stored = call('HGET', KEYS[6], old)
    if i <= too_many or not stored or version_of(stored) <= now then
      call('HDEL', KEYS[6], old)
      call('ZREM', KEYS[7], old)
    end
  end
end

call('HDEL', meta, 'lock', 'lock_until')
if any_gone and call('ZCARD', gone) > tonumber(ARGV[7]) then
  call('DEL', gone)
  call('HSET', meta, 'floor', version)
end
if any_gone and not state[8] then call('HSET', meta, 'buried', 1) end
call('HSET', meta, 'version', version, 'size', size, 'lists', list_count, 'last', lock)
if is_new then call('PERSIST', meta) end
if ARGV[6] == '1' then
  call('ZADD', KEYS[9], now, session)
  if is_new or size ~= size_before then
    call('ZADD', KEYS[8], size, session)
    call('HINCRBY', KEYS[10], 'bytes', size - size_before)
  end
end
return 'ok'
