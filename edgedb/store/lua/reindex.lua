-- Let the indexes say of a session what it is, whatever they say.
-- What frees comes first, so that a full node can be put in order too.
local meta,
  arrival,
  arrivals,
  by_size,
  of_location = unpack(KEYS)
local now,
  here,
  session,
  location = unpack(ARGV) -- whose residents the last key names

local current, version, proprietary, size = fields(meta, 'current', 'version', 'proprietary', 'size')
local accessed = call('ZSCORE', of_location, session)
unindex(by_size, of_location, session)
if current == here and int(version) > 0 then
  call('ZADD', by_size, int(size), session)
  if proprietary == location then call('ZADD', of_location, accessed or clock(now), session) end
end
if call('EXISTS', arrival) == 0 then
  call('ZREM', arrivals, session)
else
  call('ZADD', arrivals, 'NX', int(call('HGET', arrival, 'touched')), session)
end
return 'ok'
