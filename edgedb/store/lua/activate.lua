-- Make staged data live after the hand-over (docs/protocol.md#the-hand-over), or because the source
-- has lost them: then the caller has found out that no other node knows the session.
-- Returns 'ok', 'gone' if this transfer has not that version prepared here (any more), 'restarted'
--   if the session was asked for before this server started, 'still' while this store may be older
--   than others know, or 'later' if it is the last copy, and
--   this node knows of a later owner.
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
  given, -- the version that the source has given
  asked_in, -- the run of this server in which it was asked
  stay, -- a random id
  is_last_copy, -- '1' | '0'
  message = unpack(ARGV) -- for the outbox, or ''

local open_for, prepared, proprietary, of_function, epoch, version, data_size, list_count, valued,
  replied, listed = fields(arrival, 'transfer', 'prepared', 'proprietary', 'function', 'epoch',
    'version', 'size', 'lists', 'valued', 'replied', 'listed')
if open_for ~= transfer or int(prepared) == 0 or prepared ~= given then return 'gone' end
if asked_in ~= server_run() then return 'restarted' end
if stays_still(proprietary) then return 'still' end
if is_last_copy == '1' and int(call('HGET', meta, 'epoch')) > int(epoch) then return 'later' end

local pointer_size = int(call('HGET', meta, 'size'))
call('DEL', meta, arrival)
call('ZREM', arrivals, session)
call('HSET', meta, 'proprietary', proprietary, 'current', here, 'function', of_function,
  'epoch', int(epoch) + 1, 'stay', stay, 'version', math.max(int(version), int(prepared)),
  'size', int(data_size) + META_BYTES, 'lists', list_count, 'valued', valued or '',
  'replied', replied or '', 'listed', int(listed))
call('ZADD', of_proprietary, clock(now), session)
call('HINCRBY', node, 'pointers', 0 - pointer_size)
book(by_size, node, session, 0, keep_size(int(data_size)))
if message ~= '' then call('XADD', outbox, '*', 'message', message) end
return 'ok'
