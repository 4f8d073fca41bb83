-- Forget the outbox's consumers of processes that ended. One that has claimed an entry stays, or
-- the entry would be lost with it.
-- KEYS: outbox
-- ARGV: group, ms without a sign of life
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then return 'ok' end -- there is no outbox yet
for _, fields in ipairs(consumers) do
  local consumer = {}
  for i = 1, #fields, 2 do consumer[fields[i]] = fields[i + 1] end
  if consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
    call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
  end
end
return 'ok'
