-- Let new requests wait while a destination fetches the last difference (docs/protocol.md#hold).
-- It says which version it has: for one that is not newer nobody waits again, so that no call that
-- comes late, or twice, delays anybody.
-- Returns 'ok', or 'no'.
local meta = unpack(KEYS)
local now,
  here,
  stay,
  version,
  hold_ms = unpack(ARGV)
now = clock(now)

local current, known_stay, held = fields(meta, 'current', 'stay', 'held')
if current ~= here or (known_stay or '') ~= stay then return 'no' end
if held and int(version) <= int(held) then return 'no' end
-- it need not outlive the server, no more than a lock
redis.set_repl(redis.REPL_NONE)
call('HDEL', meta, 'held', 'held_since', 'held_until')
call('HSET', meta, 'held', version, 'held_since', now, 'held_until', now + hold_ms)
return 'ok'
