-- Meet another node: of each location one store is known, until that one is declared lost.
-- Returns {'ok'}, {'lost'}, or {'replaced', the incarnation that is known}; {'behind'}: it is in
--   another run than it was, and has forgotten steps that were seen of it.
local node,
  relatives = unpack(KEYS)
local location,
  incarnation,
  run,
  counter,
  now = unpack(ARGV)

if not call('HGET', node, 'incarnation') then return {'ok'} end -- nobody's store keeps nothing
local answer = met(relatives, location, incarnation, run, counter)
local refused = 'refused:' .. location
if answer[1] == 'ok' then
  if call('HGET', relatives, refused) then call('HDEL', relatives, refused) end
else
  call('HDEL', relatives, refused)
  call('HSET', relatives, refused, incarnation .. ' ' .. clock(now) .. ' ' .. answer[1])
end
return answer
