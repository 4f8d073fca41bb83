-- Set the offload status, on a full server too.
-- KEYS: node
-- ARGV: status
call('HDEL', KEYS[1], 'status')
call('HSET', KEYS[1], 'status', ARGV[1])
return 'ok'
