-- Keep the lock of a request that is still running.
-- KEYS: meta
-- ARGV: now, lock, lock ttl in ms
-- Returns 'ok', or 'lost' if another request or a freeze has taken the session.
local now, ttl = clock(ARGV[1]), tonumber(ARGV[3])
if call('HGET', KEYS[1], 'lock') ~= ARGV[2] then return 'lost' end
call('HDEL', KEYS[1], 'lock_until')
call('HSET', KEYS[1], 'lock_until', now + ttl)
if call('HGET', KEYS[1], 'version') == '0' then call('PEXPIRE', KEYS[1], 2 * ttl) end
return 'ok'
