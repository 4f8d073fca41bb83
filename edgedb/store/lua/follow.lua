-- Let pointers lead where sessions are, of which nothing is resident here: many in one step.
-- Returns the numbers of those that are left: they are resident here, or known as another's.
local node = KEYS[1] -- then the sessions' meta hashes
local here = ARGV[1] -- then for each session: home, function, location, epoch

local left, bytes = {}, 0
for i = 2, #KEYS do
  local key, first = KEYS[i], 4 * (i - 2) + 1
  local proprietary, of_function, location, epoch = unpack(ARGV, first + 1, first + 4)
  local current, known_proprietary, known_epoch, size =
    fields(key, 'current', 'proprietary', 'epoch', 'size')
  if current == here or current and known_proprietary ~= proprietary then
    left[#left + 1] = i - 2
  elseif int(known_epoch) < tonumber(epoch) then
    call('HDEL', key, 'handed', 'handed_version')
    call('HSET', key, 'proprietary', proprietary, 'current', location, 'function', of_function,
      'epoch', epoch, 'size', META_BYTES)
    call('PERSIST', key)
    local spent = usage(key)
    call('HSET', key, 'size', spent)
    bytes = bytes + spent - (current and int(size) or 0)
  end
end
if bytes ~= 0 then call('HINCRBY', node, 'pointers', bytes) end
return left
