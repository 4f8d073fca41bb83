-- Give the tokens of sessions that have moved, some keys at a time: for a node that rejoins.
-- The keys are found by a scan, since nobody knows them; it only reads.
-- Returns {the next position, or '0' at the end, {session's meta key, proprietary, current,
--   function, epoch, version, …}}
local position,
  count = unpack(ARGV)

local found = call('SCAN', position, 'MATCH', 'edge:{*}:meta', 'COUNT', count)
local tokens = {}
for _, key in ipairs(found[2]) do
  local proprietary, current, of_function, epoch, version =
    fields(key, 'proprietary', 'current', 'function', 'epoch', 'version')
  if proprietary and int(epoch) > 1 then
    for _, part in ipairs({key, proprietary, current, of_function, epoch, version or ''}) do
      tokens[#tokens + 1] = part
    end
  end
end
return {found[1], tokens}
