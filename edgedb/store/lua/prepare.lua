-- Record that all of a session is staged, and the grant that allows to take it (docs/protocol.md#a-move).
-- Returns 'ok', or 'gone' if this arrival is not open any more, or has other packets.
local arrival = unpack(KEYS)
local now,
  transfer,
  packets, -- staged
  grant,
  proprietary,
  of_function,
  epoch,
  version = unpack(ARGV)

local open_for, phase, staged_version, granted, staged_packets =
  fields(arrival, 'transfer', 'phase', 'version', 'grant', 'packets')
if open_for ~= transfer or staged_packets ~= packets then return 'gone' end
if phase == 'prepared' then return granted == grant and 'ok' or 'gone' end
call('HSET', arrival, 'phase', 'prepared', 'grant', grant, 'proprietary', proprietary,
  'function', of_function, 'epoch', epoch, 'version', math.max(int(staged_version), version),
  'touched', clock(now))
return 'ok'
