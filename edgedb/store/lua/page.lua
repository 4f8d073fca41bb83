-- Name what changed in a session after a version, oldest first (design section 3, step 1).
-- KEYS: meta, scalars, lists, versions, gone, replies, reply index
-- ARGV: here, after, began, most bytes, most items
-- Returns {'unknown'}, {'elsewhere', location}, or
--   {'ok', proprietary, function, epoch, version, restart (1 | 0), more (1 | 0),
--    {kind, name, version, bytes, list number or '', …}}
-- kinds: s scalar, l list, r reply, S deleted scalar, L deleted list
local meta, scalars, lists, replies = KEYS[1], KEYS[2], KEYS[3], KEYS[6]
local after, began = tonumber(ARGV[2]), tonumber(ARGV[3])
local most_bytes, most_items = tonumber(ARGV[4]), tonumber(ARGV[5])

local state = call('HMGET', meta, 'current', 'proprietary', 'function', 'epoch', 'version', 'floor')
if not state[1] or (state[1] == ARGV[1] and int(state[5]) == 0) then return {'unknown'} end
if state[1] ~= ARGV[1] then return {'elsewhere', state[1]} end

local restart = 0
if began > 0 and int(state[6]) > began then restart, after = 1, 0 end

local items = {}
local function collect(key, kind_of)
  local found = call('ZRANGEBYSCORE', key, '(' .. string.format('%d', after), '+inf',
    'WITHSCORES', 'LIMIT', 0, most_items + 1)
  for i = 1, #found, 2 do
    local kind, name = kind_of(found[i])
    items[#items + 1] = {kind, name, tonumber(found[i + 1])}
  end
end
collect(KEYS[4], function(m) return string.sub(m, 1, 1), string.sub(m, 2) end)
collect(KEYS[5], function(m) return string.upper(string.sub(m, 1, 1)), string.sub(m, 2) end)
collect(KEYS[7], function(m) return 'r', m end)
table.sort(items, function(a, b) return a[3] < b[3] end)

local found, total, more = {}, 0, 0
for i, item in ipairs(items) do
  if i > most_items or total >= most_bytes then
    more = 1
    break
  end
  local bytes, number = 0, ''
  if item[1] == 's' then bytes = call('HSTRLEN', scalars, item[2]) end
  if item[1] == 'r' then bytes = call('HSTRLEN', replies, item[2]) end
  if item[1] == 'l' then number, bytes = list_entry(lists, item[2]) end
  total = total + bytes + #item[2]
  for _, part in ipairs({item[1], item[2], item[3], bytes, number}) do found[#found + 1] = part end
end
return {'ok', state[2], state[3], int(state[4]), int(state[5]), restart, more, found}
