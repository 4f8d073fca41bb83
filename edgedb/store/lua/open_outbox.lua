-- Create the group that delivers the outbox, on a full server too; it may be there already.
-- KEYS: outbox
-- ARGV: group
call('XDEL', KEYS[1], '0-1')
local answer = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if answer.err and not string.find(answer.err, 'BUSYGROUP', 1, true) then return answer end
return 'ok'
