-- Make staged data live after the hand-over (docs/protocol.md#a-move), or because the source has
-- lost them: then the caller has found out that no other node knows the session.
-- Returns 'ok', 'gone' if this transfer has nothing prepared here (any more), or 'later' if it is
--   the last copy, and this node knows of a later owner.
local meta,
  arrival,
  arrivals,
  by_size,
  of_proprietary,
  node,
  outbox = unpack(KEYS)
local now,
  here,
  session,
  transfer,
  grant,
  is_last_copy, -- '1' | '0'
  message = unpack(ARGV) -- for the outbox, or ''

local open_for, phase, granted, proprietary, of_function, epoch, version, size, list_count =
  fields(arrival, 'transfer', 'phase', 'grant', 'proprietary', 'function', 'epoch', 'version',
    'size', 'lists')
if open_for ~= transfer or phase ~= 'prepared' or granted ~= grant then return 'gone' end
if is_last_copy == '1' and int(call('HGET', meta, 'epoch')) > int(epoch) then return 'later' end

call('DEL', meta, arrival)
call('ZREM', arrivals, session)
call('HSET', meta, 'proprietary', proprietary, 'current', here, 'function', of_function,
  'epoch', int(epoch) + 1, 'version', math.max(int(version), 1), 'size', size,
  'lists', list_count)
index(by_size, of_proprietary, session, size, clock(now))
call('HINCRBY', node, 'bytes', size)
if message ~= '' then call('XADD', outbox, '*', 'message', message) end
return 'ok'
