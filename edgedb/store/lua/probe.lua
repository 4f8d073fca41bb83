-- Try every command that a script uses, so that none is refused in the middle of a step.
-- Nothing of it is left, or written to the append-only file, or sent to replicas.
-- Returns 'ok', or the first refusal.
local hash,
  sorted,
  list,
  stream = unpack(KEYS)

redis.set_repl(redis.REPL_NONE)
local refused
local function try(...)
  if refused then return end
  local answer = redis.pcall(...)
  local words = type(answer) == 'table' and answer.err
  -- a full server refuses what needs room, and then does not find what is not there
  if words and not string.match(words, 'OOM') and not string.match(words, 'no such key') then
    refused = answer
  end
end

try('DEL', hash, sorted, list, stream)
try('UNLINK', hash, sorted, list, stream)
try('HSET', hash, 'a', 1)
try('HINCRBY', hash, 'a', 1)
for _, read in ipairs({'HGET', 'HMGET', 'HEXISTS', 'HSTRLEN'}) do try(read, hash, 'a') end
for _, read in ipairs({'HGETALL', 'HVALS', 'HLEN', 'EXISTS', 'PERSIST'}) do try(read, hash) end
try('PEXPIRE', hash, 1000)
try('HDEL', hash, 'a')
try('ZADD', sorted, 1, 'a')
for _, read in ipairs({'ZRANGE', 'ZRANGEBYSCORE'}) do try(read, sorted, 0, 1) end
for _, read in ipairs({'ZSCORE', 'ZMSCORE', 'ZREM'}) do try(read, sorted, 'a') end
try('ZCARD', sorted)
try('RPUSH', list, 'a')
try('LLEN', list)
try('LINDEX', list, 0)
try('LRANGE', list, 0, 1)
try('RENAME', list, sorted)
try('XGROUP', 'CREATE', stream, 'a', '$', 'MKSTREAM')
try('XADD', stream, '1-1', 'a', '1')
try('XDEL', stream, '1-1')
for _, key in ipairs({hash, sorted, list}) do try('MEMORY', 'USAGE', key, 'SAMPLES', 0) end
try('OBJECT', 'ENCODING', hash)
try('TIME')
try('SCAN', 0, 'COUNT', 1)
try('INFO', 'replication')
redis.pcall('DEL', hash, sorted, list, stream)
return refused or 'ok'
