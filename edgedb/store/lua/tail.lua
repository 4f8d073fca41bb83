-- Read the newer end of one list.
-- Returns {version of the first element of all, index, length, elements…}, length 0: no list.
local list = unpack(KEYS)
local since, -- only elements appended after this version
  first, -- index
  most_bytes,
  most = unpack(ARGV) -- elements
since, most_bytes, most = tonumber(since), tonumber(most_bytes), tonumber(most)

local length = call('LLEN', list)
if length == 0 then return {0, 0, 0} end

local born = version_of(call('LINDEX', list, 0))
local from = tonumber(first)
if since >= born then
  -- Versions only grow along a list. In steps from its end that double, then by halving, find the
  -- newest known element: `known` is one, or before the first; from `from` on all are new.
  local function is_new(index) return version_of(call('LINDEX', list, index)) > since end
  local known, step = first - 1, 1
  from = length
  while from - step > known do
    if not is_new(from - step) then
      known = from - step
      break
    end
    from, step = from - step, 2 * step
  end
  while from - known > 1 do
    local middle = math.floor((from + known) / 2)
    if is_new(middle) then from = middle else known = middle end
  end
end

-- As many at a time as there is room for if they are no larger than those before.
local TOGETHER = 256
local answer, bytes, position, count, largest = {born, from, length}, 0, from, 1, 1
while position < length and bytes < most_bytes and position - from < most do
  for _, stored in ipairs(call('LRANGE', list, position, position + count - 1)) do
    if bytes >= most_bytes then break end
    answer[#answer + 1] = string.sub(stored, 9)
    bytes, position, largest = bytes + #stored, position + 1, math.max(largest, #stored)
  end
  count = math.min(TOGETHER, math.max(1, math.floor((most_bytes - bytes) / largest)))
end
return answer
