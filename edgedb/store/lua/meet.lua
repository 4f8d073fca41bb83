-- Meet another node: of each location one store is known, until that one is declared lost.
-- Returns {'ok'}, {'lost'}, or {'replaced', the incarnation that is known}; of one that is in another
--   run than is known: {'behind'}, it has forgotten steps that were seen of it, or {'late'}, this is
--   not what a run begins with: it may be of one that is over.
local node,
  relatives = unpack(KEYS)
local location,
  incarnation,
  run,
  counter,
  begins, -- '1' in the question that each run begins with, and its answer | '0'
  now = unpack(ARGV)

if not call('HGET', node, 'incarnation') then return {'ok'} end -- nobody's store keeps nothing
local answer = met(relatives, location, incarnation, run, counter, begins == '1')
local refused = 'refused:' .. location
if answer[1] == 'ok' then
  if call('HGET', relatives, refused) then call('HDEL', relatives, refused) end
elseif answer[1] ~= 'late' then
  call('HDEL', relatives, refused)
  call('HSET', relatives, refused, incarnation .. ' ' .. clock(now) .. ' ' .. answer[1])
end
return answer
