-- Correct a resident's size by what the server says it takes.
-- KEYS: meta, residents by size, node
-- ARGV: here, session, bytes
if call('HGET', KEYS[1], 'current') ~= ARGV[1] then return 'gone' end
local before = int(call('HGET', KEYS[1], 'size'))
call('HDEL', KEYS[1], 'size')
call('HSET', KEYS[1], 'size', ARGV[3])
call('ZADD', KEYS[2], 'XX', ARGV[3], ARGV[2])
call('HINCRBY', KEYS[3], 'bytes', tonumber(ARGV[3]) - before)
return 'ok'
