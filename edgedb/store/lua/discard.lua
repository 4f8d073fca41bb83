-- Throw away what was staged for an arrival (docs/protocol.md#failure-rules).
-- Returns 'ok', 'gone' (not this arrival, or prepared under another grant), or 'again' (not
--   all lists were named).
-- KEYS: the session's,
local arrival,
  arrivals = other_keys(2) -- and those of all lists
local now,
  session,
  transfer,
  refused_grant, -- '' while copying: a prepared arrival stays
  idle_ms = unpack(ARGV) -- only if untouched for so long; '0': at once

local open_for, phase, grant, touched = fields(arrival, 'transfer', 'phase', 'grant', 'touched')
if open_for ~= transfer then return 'gone' end
if phase == 'prepared' and grant ~= refused_grant then return 'gone' end
local is_copied = idle_ms ~= '0' and in_force(touched, int(touched) + idle_ms, clock(now))
if is_copied then return 'gone' end
if not drop_data(keys_of_lists(2)) then return 'again' end
call('DEL', arrival)
call('ZREM', arrivals, session)
return 'ok'
