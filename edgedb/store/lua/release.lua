-- Release the lock without a commit; a session created by this request is gone again.
local meta = unpack(KEYS)
local lock = unpack(ARGV)

local locked_by, version = fields(meta, 'lock', 'version')
if locked_by ~= lock then return 'ok' end
if version == '0' then
  call('DEL', meta)
else
  unlock(meta)
end
return 'ok'
