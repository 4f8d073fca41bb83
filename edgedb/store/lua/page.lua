-- Read what changed in a session after a version, oldest first; of lists only which (docs/protocol.md#the-copy).
-- Returns {'unknown'}, {'elsewhere', location}, {'ended'} (not the stay or the run that was
--   asked for), or
--   {'ok', proprietary, function, epoch, stay, run, version, version up to which deletions are
--    forgotten, more (1 | 0), version of the last item, {field of a scalar, piece, …}, {deleted scalar, …}, {deleted list, …},
--    {idempotency key, reply, …}, {list, version, bytes, number, …}}
-- KEYS: the session's
local here,
  asked_stay,
  asked_run, -- '': whatever they are
  after, -- a version
  most_bytes,
  most_items = unpack(ARGV)
after, most_bytes, most_items = tonumber(after), tonumber(most_bytes), tonumber(most_items)

local current, proprietary, of_function, epoch, stay, version, floor =
  fields(meta, 'current', 'proprietary', 'function', 'epoch', 'stay', 'version', 'floor')
local run = server_run()
stay = stay or ''
if not current or (current == here and int(version) == 0) then return {'unknown'} end
if current ~= here then return {'elsewhere', current} end
if asked_run ~= '' and (asked_stay ~= stay or asked_run ~= run) then
  return {'ended'}
end

-- The changes in the order of their versions, some hundreds of each index at a time: member,
-- version, member, version, … The first letter of a member says what it is: s(calar), l(ist),
-- r(eply), or S, L for a deleted one.
local CHANGES, last = 512, after
local function found_in(key)
  return call('ZRANGEBYSCORE', key, '(' .. string.format('%d', last), '+inf', 'WITHSCORES',
    'LIMIT', 0, CHANGES)
end
local function merged(changed, gone, replied)
  local items, known = {}, math.huge -- up to here nothing is missing
  local function collect(found, letter_of)
    for i = 1, #found, 2 do
      local member, version = found[i], tonumber(found[i + 1])
      items[#items + 1] = {letter_of(member), version}
    end
    if #found == 2 * CHANGES then known = math.min(known, tonumber(found[#found])) end
  end
  collect(changed, function(m) return m end)
  collect(gone, function(m) return string.upper(string.sub(m, 1, 1)) .. string.sub(m, 2) end)
  collect(replied, function(m) return 'r' .. m end)
  table.sort(items, function(a, b) return a[2] < b[2] end)
  local flat = {}
  for _, item in ipairs(items) do
    if item[2] > known then break end
    flat[#flat + 1] = item[1]
    flat[#flat + 1] = item[2]
  end
  return flat
end
local function fetch()
  local changed, gone, replied = found_in(versions), found_in(gone), found_in(reply_index)
  if #gone == 0 and #replied == 0 then return changed end
  return merged(changed, gone, replied)
end

local sets, unsets, drops, stored, extended = {}, {}, {}, {}, {}
local total, count, largest = 0, 0, nil
local function is_full() return count == most_items or total >= most_bytes end
local function note(name, bytes, version)
  total, count, last = total + #name + bytes, count + 1, version
end

-- A command for each scalar would cost more than its value. So those that follow each other are
-- read together, as many as there is room for if they are no larger than those before.
local TOGETHER = 16
local function read_scalars(items, position)
  local most = largest and math.min(TOGETHER, (most_bytes - total) / largest) or 1
  local names, n = {}, 0
  repeat
    n = n + 1
    names[n] = string.sub(items[position], 2)
    position = position + 2
  until n >= most or position > #items or string.byte(items[position]) ~= 115 -- 's'
  local values, added = call('HMGET', scalars, unpack(names)), #sets
  for i = 1, n do
    if is_full() then return position - 2 * (n + 1 - i) end
    local name, value = names[i], values[i]
    sets[added + 1], sets[added + 2], added = name, value, added + 2
    largest = math.max(largest or 1, #value)
    note(name, #value, items[position - 2 * (n - i) - 1])
  end
  return position
end

local read = {
  r = function(key)
    local reply = call('HGET', replies, key)
    if not reply then return 0 end -- over its time
    stored[#stored + 1] = key
    stored[#stored + 1] = reply
    return #reply
  end,
  l = function(name, version)
    local number, bytes = list_entry(call('HGET', lists, name))
    for _, part in ipairs({name, tonumber(version), bytes, number}) do
      extended[#extended + 1] = part
    end
    return bytes
  end,
  S = function(name) unsets[#unsets + 1] = name return 0 end,
  L = function(name) drops[#drops + 1] = name return 0 end,
}

local items, more = most_items > 0 and fetch() or {}, 0
while #items > 0 and more == 0 do
  local position = 1
  while position < #items and more == 0 do
    local member, version = items[position], items[position + 1]
    if is_full() then
      more = 1
    elseif string.byte(member) == 115 then
      position = read_scalars(items, position)
    else
      local name = string.sub(member, 2)
      note(name, read[string.sub(member, 1, 1)](name, version), version)
      position = position + 2
    end
  end
  if more == 0 then items = fetch() end
end
return {'ok', proprietary, of_function, int(epoch), stay, run, int(version), int(floor), more,
  tonumber(last), sets, unsets, drops, stored, extended}
