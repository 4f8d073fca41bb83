-- Let one caller report that this node has given a session away: of several at a time the first.
-- Returns 1, or 0: another has, or the session has moved on since.
local meta = unpack(KEYS)
local epoch, -- with which it went
  caller = unpack(ARGV) -- a random id

local known_epoch, reported, reported_by = fields(meta, 'epoch', 'reported', 'reported_by')
if reported ~= epoch and known_epoch == epoch then
  reported, reported_by = epoch, caller
  -- who asks at the same time asks the same server: the append-only file is not told, whose sync
  -- would cost each move a third more
  redis.set_repl(redis.REPL_NONE)
  call('HDEL', meta, 'reported', 'reported_by')
  call('HSET', meta, 'reported', epoch, 'reported_by', caller)
end
return (reported == epoch and reported_by == caller) and 1 or 0
