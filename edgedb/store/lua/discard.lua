-- Throw away what was staged for an arrival, or set it aside (docs/protocol.md#failure-rules).
-- Returns 'ok', 'gone' (not this arrival, or prepared at another version, or touched), or 'again' (not
--   all lists were named).
-- KEYS: the session's,
local arrival,
  arrivals = other_keys(2) -- and those of all lists; then, to set aside, the same names for that
local now,
  session,
  transfer,
  over, -- the version that will never be given; '0' while copying: a prepared arrival stays
  idle_ms, -- only if untouched for so long; '0': at once
  list_count, -- how many lists are named
  kept_ms = unpack(ARGV) -- what is set aside

local open_for, prepared, touched, grant =
  fields(arrival, 'transfer', 'prepared', 'touched', 'grant')
-- with a grant it was prepared by a release before hand-overs by version, and is finished by that
if open_for ~= transfer or int(prepared) ~= tonumber(over) or grant then return 'gone' end
local is_copied = idle_ms ~= '0' and in_force(touched, int(touched) + idle_ms, clock(now))
if is_copied then return 'gone' end
if call('HLEN', lists) ~= tonumber(list_count) then return 'again' end

-- the session's parts without meta, the arrival, and the lists
local owned = {scalars, lists, versions, gone, replies, reply_index, arrival}
for i = 10, 9 + list_count do owned[#owned + 1] = KEYS[i] end
for i, key in ipairs(owned) do
  local aside = KEYS[9 + list_count + i]
  if not aside then
    call('UNLINK', key)
  elseif call('EXISTS', key) == 1 then
    call('RENAME', key, aside)
    call('PEXPIRE', aside, kept_ms)
  end
end
call('ZREM', arrivals, session)
return 'ok'
