-- A store must rejoin: nobody is admitted to it but one process for a while, which does that.
-- Returns what that one's steps show, or '' if it is another.
local node = unpack(KEYS)
local now,
  rejoiner, -- a random id; '': nobody yet
  lease_ms,
  heard, -- a location that has told all that it knows, or ''
  counter = unpack(ARGV) -- the highest that others have seen
now = clock(now)

local known, since, ends, behind, known_heard =
  fields(node, 'rejoiner', 'rejoiner_since', 'rejoiner_until', 'behind', 'heard')
if known and known ~= rejoiner and in_force(since, ends, now) then return '' end
call('HDEL', node, 'admitted', 'whole')
local shown = 'rejoiner ' .. rejoiner
if not behind then call('HSET', node, 'behind', 1) end
if int(counter) > int(call('HGET', node, 'counter')) then call('HSET', node, 'counter', counter) end
if heard ~= '' then -- in this run
  local run = server_run()
  local others = known_heard and string.find(known_heard, run, 1, true) == 1 and known_heard or run
  call('HSET', node, 'heard', others .. ' ' .. heard)
end
if rejoiner == '' then return '' end
call('HSET', node, 'admitted', shown, 'rejoiner', rejoiner, 'rejoiner_since', now,
  'rejoiner_until', now + int(lease_ms))
return shown
