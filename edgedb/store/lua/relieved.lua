-- Remember which sessions could not be offloaded, and end the claim of the tick that has tried.
-- On a full server too. Returns 'ok'.
local node,
  stuck = unpack(KEYS)
local now,
  claimer, -- '' without a claim
  has_moved = arguments(3) -- '1' | '0': any
local failed = counted() -- session, for how long it is passed over (ms), why, …
now = clock(now)

if claimer ~= '' and call('HGET', node, 'relief') == claimer then
  call('HDEL', node, 'relief', 'relief_since', 'relief_until')
  if has_moved == '1' then call('HSET', node, 'relieved', now) end
end
local known = call('HGETALL', stuck)
for i = 1, #known, 2 do
  -- of those that were due it is known by now whether they still are
  if tonumber(string.match(known[i + 1], '^%d+')) <= now then call('HDEL', stuck, known[i]) end
end
for i = 1, #failed, 3 do
  call('HDEL', stuck, failed[i])
  if call('HLEN', stuck) < STUCK_LIMIT then
    call('HSET', stuck, failed[i], now + failed[i + 1] .. ' ' .. failed[i + 2])
  end
end
call('PEXPIRE', stuck, STUCK_KEPT_MS)
return 'ok'
