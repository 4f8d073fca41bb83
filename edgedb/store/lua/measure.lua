-- Let a resident's size be what the server spends on it now: replies go by themselves in the end,
-- and a release before sizes that are true has left others.
-- Returns the size; 0 if it is not resident.
-- KEYS: the session's,
local by_size,
  node = other_keys(2)
local here,
  session = unpack(ARGV)

local current, version, size, valued, replied, listed =
  fields(meta, 'current', 'version', 'size', 'valued', 'replied', 'listed')
if current ~= here or int(version) == 0 then return 0 end
valued, replied = count_of(valued, scalars).bytes, count_of(replied, replies).bytes
call('HDEL', meta, '') -- removes nothing, but after it a full server does not refuse the rest
call('HSET', meta, 'loose', 0)
local spent = keep_size(usage_of_data(valued, replied, int(listed), true))
book(by_size, node, session, int(size), spent)
return spent
