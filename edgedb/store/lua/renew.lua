-- Keep the lock of a request that is still running.
-- Returns 'ok', or 'lost' if another request has taken the session.
local meta = unpack(KEYS)
local now,
  lock,
  lock_ttl_ms = unpack(ARGV)

local locked_by, version, epoch = fields(meta, 'lock', 'version', 'epoch')
if locked_by ~= lock then return 'lost' end
now = clock(now)
call('HDEL', meta, 'lock_until')
call('HSET', meta, 'lock_renewed', now, 'lock_until', now + lock_ttl_ms)
if version == '0' then expire_unless_committed(meta, epoch, lock_ttl_ms) end
return 'ok'
