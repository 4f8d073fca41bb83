-- Put before every script but those of scripts.py's UNGUARDED: whoever takes a step has been
-- admitted to this store, as it is, in this run of its server (admit.lua); else nothing happens.
-- The last key and the last argument are for this alone.
local of_node = table.remove(KEYS)
if redis.call('HGET', of_node, 'admitted') ~= table.remove(ARGV) then
  return redis.error_reply('NOTADMITTED to this store in this run of its server')
end
