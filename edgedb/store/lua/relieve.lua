-- Let one tick at a time relieve a node, and its requests know above which size they ask for one.
-- Returns {whether this tick is to (1 | 0), whether one has not long ago (1 | 0), now,
--   {session, what is remembered of it, …}}
local node,
  stuck,
  by_size = unpack(KEYS)
local now,
  claimer, -- a random id
  above, -- bytes; '' where a node is never relieved
  claim_ms = unpack(ARGV)
now = clock(now)

local bytes, known_above, claimed_by, since, ends, relieved =
  fields(node, 'bytes', 'above', 'relief', 'relief_since', 'relief_until', 'relieved')
if (known_above or '') ~= above then
  call('HDEL', node, 'above')
  if above ~= '' then call('HSET', node, 'above', above) end
end
local was_relieved = in_force(relieved, int(relieved) + REST_MS, now) and 1 or 0
local is_claimed = claimed_by ~= claimer and in_force(since, ends, now)
if above == '' or spent_by_node(node, by_size, bytes) <= tonumber(above) or is_claimed then
  return {0, was_relieved, now, {}}
end
call('HDEL', node, 'relief')
call('HSET', node, 'relief', claimer, 'relief_since', now, 'relief_until', now + claim_ms)
return {1, was_relieved, now, call('HGETALL', stuck)}
