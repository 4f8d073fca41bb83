-- Write something, so that WAITAOF on the same connection waits for all that came before it.
-- KEYS: node
call('HDEL', KEYS[1], 'synced')
call('HSET', KEYS[1], 'synced', 1)
return 'ok'
