-- Set keys aside whose data no session and no arrival owns: they may be all that is left of something.
-- Returns 'ok', also if they are gone or owned (by now).
-- KEYS:
local meta,
  arrival,
  lists,
  asides = unpack(KEYS, 1, 4) -- then the keys, and what they are called once set aside
local now,
  here,
  session,
  id,
  why = unpack(ARGV, 1, 5) -- then of each key the list's number, or '' for another part

local is_owned = call('HGET', meta, 'current') == here or call('EXISTS', arrival) == 1
local named = {}
for _, entry in ipairs(is_owned and call('HVALS', lists) or {}) do
  named[string.match(entry, '^%d+')] = true
end
local count, owned, names = #ARGV - 5, {}, {}
for i = 1, count do
  local number, key = ARGV[5 + i], KEYS[4 + i]
  local is_lost = not is_owned or number ~= '' and not named[number]
  if is_lost and call('EXISTS', key) == 1 then
    owned[#owned + 1], names[#names + 1] = key, KEYS[4 + count + i]
  end
end
if #owned > 0 then set_aside(asides, id, session, why, clock(now), meta, owned, names) end
return 'ok'
