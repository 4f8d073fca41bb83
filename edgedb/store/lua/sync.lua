-- Write something, so that WAITAOF on the same connection waits for all that came before it.
local node = unpack(KEYS)

call('HDEL', node, 'synced')
call('HSET', node, 'synced', 1)
return 'ok'
