-- Read the newer end of one list.
-- KEYS: list
-- ARGV: since (only elements appended after this version), first index, most bytes, most elements
-- Returns {version of the first element of all, index, length, elements…}, length 0: no list.
local list, since, first = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local most_bytes, most, length = tonumber(ARGV[3]), tonumber(ARGV[4]), call('LLEN', KEYS[1])
if length == 0 then return {0, 0, 0} end

local born = version_of(call('LINDEX', list, 0))
local from = first
if since >= born then
  -- versions only grow along a list: walk back from its end to the newest known element
  from = length
  local is_new = true
  while is_new and from > first do
    local block = call('LRANGE', list, math.max(first, from - 128), from - 1)
    for i = #block, 1, -1 do
      is_new = version_of(block[i]) > since
      if not is_new then break end
      from = from - 1
    end
  end
end

local answer, bytes, position = {born, from, length}, 0, from
while position < length and bytes < most_bytes and position - from < most do
  for _, stored in ipairs(call('LRANGE', list, position, position + 255)) do
    if bytes >= most_bytes then break end
    answer[#answer + 1] = string.sub(stored, 9)
    bytes, position = bytes + #stored, position + 1
  end
end
return answer
