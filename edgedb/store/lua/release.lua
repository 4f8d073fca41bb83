-- Release the lock without a commit, or the place in the queue for it; a session created by this
-- request is gone again.
local meta = unpack(KEYS)
local lock = unpack(ARGV)

local locked_by, version, queue, epoch = fields(meta, 'lock', 'version', 'queue', 'epoch')
if locked_by ~= lock then
  if queue then set_queue(meta, (others_in(queue, lock))) end
elseif version == '0' then
  remove(meta, int(epoch) - 1)
else
  unlock(meta)
end
return 'ok'
