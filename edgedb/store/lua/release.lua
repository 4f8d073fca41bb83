-- Release the lock without a commit, or the place in the queue for it; a session created by this
-- request is gone again.
local meta = unpack(KEYS)
local lock = unpack(ARGV)

local locked_by, version, queue = fields(meta, 'lock', 'version', 'queue')
if locked_by ~= lock then
  if queue then set_queue(meta, (others_in(queue, lock))) end
elseif version == '0' then
  call('DEL', meta)
else
  unlock(meta)
end
return 'ok'
