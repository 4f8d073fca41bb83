-- Throw away what was staged for an arrival, or set it aside (docs/protocol.md#failure-rules).
-- Returns 'ok', 'gone' (not this arrival, or prepared at another version, or touched), or 'again' (not
--   all lists were named).
-- KEYS: the session's,
local arrival,
  arrivals,
  asides = other_keys(3) -- and those of all lists; then, to set aside, their names for that
local now,
  session,
  transfer,
  over, -- the version that will never be given; '0' while copying: a prepared arrival stays
  idle_ms, -- only if untouched for so long; '0': at once
  list_count, -- how many lists are named
  id, -- of what is set aside; '': nothing is
  why = unpack(ARGV)

local open_for, prepared, touched, grant =
  fields(arrival, 'transfer', 'prepared', 'touched', 'grant')
-- with a grant it was prepared by a release before hand-overs by version, and is finished by that
if open_for ~= transfer or int(prepared) ~= tonumber(over) or grant then return 'gone' end
now = clock(now)
local is_copied = idle_ms ~= '0' and in_force(touched, int(touched) + idle_ms, now)
if is_copied then return 'gone' end
if call('HLEN', lists) ~= tonumber(list_count) then return 'again' end

local owned, names = all_keys(3, list_count)
owned[1] = arrival -- and the session's meta hash stays
if id ~= '' then
  set_aside(asides, id, session, why, now, arrival, owned, names)
else
  for _, key in ipairs(owned) do call('UNLINK', key) end
end
call('ZREM', arrivals, session)
return 'ok'
