-- Say what is known here of sessions of some homes, wherever they are, at one moment.
-- Returns for each that is known {session, proprietary, current, function, epoch, version, last access},
--   the last false where it is not resident here.
-- KEYS: the sessions' meta hashes, then each home's index by last access
local here = ARGV[1] -- then how many sessions, the sessions, and the homes
local count = tonumber(ARGV[2])

local indexes, answer = {}, {}
for i = count + 1, #KEYS do indexes[ARGV[2 + i]] = KEYS[i] end
for i = 1, count do
  local session, proprietary, current, of_function, epoch, version = ARGV[2 + i],
    fields(KEYS[i], 'proprietary', 'current', 'function', 'epoch', 'version')
  local index = proprietary and indexes[proprietary]
  if index then
    local accessed = current == here and call('ZSCORE', index, session)
    answer[#answer + 1] = {session, proprietary, current, of_function, epoch, version, accessed}
  end
end
return answer
