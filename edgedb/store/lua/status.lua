-- Set the offload status, on a full server too.
local node = unpack(KEYS)
local status = unpack(ARGV)

call('HDEL', node, 'status')
call('HSET', node, 'status', status)
return 'ok'
