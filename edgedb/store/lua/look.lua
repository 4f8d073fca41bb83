-- Say what there is of a session, and what indexes say of it, at one moment.
-- Returns {token, version, size, lock, told}, locked, arriving (each 1 | 0), {entries},
--   {seen and there (1 | 0)}, {lists}
local meta,
  arrival,
  lists,
  arrivals,
  by_size,
  of_location = unpack(KEYS, 1, 6) -- and keys of the session that were seen
local now,
  session,
  is_about_lists = unpack(ARGV) -- '1' | ''
now = clock(now)

local entries, there = {}, {}
for i, key in ipairs({arrivals, by_size, of_location}) do
  entries[i] = call('ZSCORE', key, session)
end
for i = 7, #KEYS do there[i - 6] = call('EXISTS', KEYS[i]) end
local state = call('HMGET', meta, 'proprietary', 'current', 'function', 'epoch', 'version',
  'size', 'lock_function', 'lock_since', 'told')
local named = is_about_lists == '1' and call('HVALS', lists) or {}
return {state, is_locked(meta, now) and 1 or 0, call('EXISTS', arrival), entries, there, named}
