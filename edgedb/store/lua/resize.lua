-- Correct a resident's size by what the server says it takes.
local meta,
  by_size,
  node = unpack(KEYS)
local here,
  session,
  bytes = unpack(ARGV)

local current, before = fields(meta, 'current', 'size')
if current ~= here then return 'gone' end
call('HDEL', meta, 'size')
call('HSET', meta, 'size', bytes)
call('ZADD', by_size, 'XX', bytes, session)
call('HINCRBY', node, 'bytes', bytes - int(before))
return 'ok'
