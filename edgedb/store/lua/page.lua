-- Read what changed in a session after a version, oldest first; of lists only which (design
-- section 3, step 1).
-- KEYS: meta, scalars, lists, versions, gone, replies, reply index
-- ARGV: here, after, began, most bytes, most items
-- Returns {'unknown'}, {'elsewhere', location}, or
--   {'ok', proprietary, function, epoch, version, restart (1 | 0), more (1 | 0),
--    version of the last item, {scalar, value, …}, {deleted scalar, …}, {deleted list, …},
--    {idempotency key, reply, …}, {list, version, bytes, number, …}}
local meta, scalars, lists, replies = KEYS[1], KEYS[2], KEYS[3], KEYS[6]
local after, began = tonumber(ARGV[2]), tonumber(ARGV[3])
local most_bytes, most_items = tonumber(ARGV[4]), tonumber(ARGV[5])

local state = call('HMGET', meta, 'current', 'proprietary', 'function', 'epoch', 'version', 'floor')
if not state[1] or (state[1] == ARGV[1] and int(state[5]) == 0) then return {'unknown'} end
if state[1] ~= ARGV[1] then return {'elsewhere', state[1]} end

local restart = 0
if began > 0 and int(state[6]) > began then restart, after = 1, 0 end

-- The changes in the order of their versions, a few hundred of each index at a time.
local AT_ONCE, items, position, last = 256, {}, 0, after
local function fetch()
  items, position = {}, 0
  local known, indexes = math.huge, 0 -- up to here nothing is missing
  local function collect(key, kind_of)
    local found = call('ZRANGEBYSCORE', key, '(' .. string.format('%d', last), '+inf',
      'WITHSCORES', 'LIMIT', 0, AT_ONCE)
    for i = 1, #found, 2 do
      local kind, name = kind_of(found[i])
      items[#items + 1] = {kind, name, tonumber(found[i + 1])}
    end
    if #found > 0 then indexes = indexes + 1 end
    if #found == 2 * AT_ONCE then known = math.min(known, tonumber(found[#found])) end
  end
  collect(KEYS[4], function(m) return string.sub(m, 1, 1), string.sub(m, 2) end)
  collect(KEYS[5], function(m) return string.upper(string.sub(m, 1, 1)), string.sub(m, 2) end)
  collect(KEYS[7], function(m) return 'r', m end)
  if indexes > 1 then table.sort(items, function(a, b) return a[3] < b[3] end) end
  while #items > 0 and items[#items][3] > known do table.remove(items) end
end
local function next_item()
  if position == #items then fetch() end
  position = position + 1
  return items[position]
end

local sets, unsets, drops, stored, extended = {}, {}, {}, {}, {}
local total, count, more = 0, 0, 0
local function add(group, part) group[#group + 1] = part end
local read = {
  s = function(name)
    local value = call('HGET', scalars, name)
    add(sets, name)
    add(sets, value)
    return #value
  end,
  r = function(key)
    local reply = call('HGET', replies, key)
    if not reply then return 0 end -- over its time
    add(stored, key)
    add(stored, reply)
    return #reply
  end,
  l = function(name, version)
    local number, bytes = list_entry(lists, name)
    for _, part in ipairs({name, version, bytes, number}) do add(extended, part) end
    return bytes
  end,
  S = function(name) add(unsets, name) return 0 end,
  L = function(name) add(drops, name) return 0 end,
}
local item = most_items > 0 and next_item()
while item do
  if count == most_items or total >= most_bytes then
    more = 1
    break
  end
  total = total + #item[2] + read[item[1]](item[2], item[3])
  count, last = count + 1, item[3]
  item = next_item()
end
return {'ok', state[2], state[3], int(state[4]), int(state[5]), restart, more, last,
  sets, unsets, drops, stored, extended}
