-- Create the group that delivers the outbox, on a full server too; it may be there already.
local outbox = unpack(KEYS)
local group = unpack(ARGV)

call('XDEL', outbox, '0-1')
local answer = redis.pcall('XGROUP', 'CREATE', outbox, group, '0', 'MKSTREAM')
if answer.err and not string.find(answer.err, 'BUSYGROUP', 1, true) then return answer end
return 'ok'
