-- Say what there is of a session, and what indexes say of it, at one moment.
-- KEYS: meta, arrival, lists, arrivals, residents by size, residents of a location, then keys of
--       the session that were seen
-- ARGV: session, whether its lists are asked for ('1' or '')
-- Returns {token, version, size, freeze}, arriving (1 | 0), {entries}, {seen and there (1 | 0)},
--   {lists}
local entries, there = {}, {}
for i = 4, 6 do entries[i - 3] = call('ZSCORE', KEYS[i], ARGV[1]) end
for i = 7, #KEYS do there[i - 6] = call('EXISTS', KEYS[i]) end
local state = call('HMGET', KEYS[1], 'proprietary', 'current', 'function', 'epoch', 'version',
  'size', 'frozen_for', 'frozen_until')
local lists = ARGV[2] == '1' and call('HVALS', KEYS[3]) or {}
return {state, call('EXISTS', KEYS[2]), entries, there, lists}
