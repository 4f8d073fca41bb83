-- Declare the store that is known of a location lost: another may be met in its place, it no more.
-- Returns the incarnation that was known, or '' if none was, or it was declared lost before.
local node,
  relatives = unpack(KEYS)
local location = unpack(ARGV)

local known, lost = fields(relatives, location, 'lost:' .. location)
local incarnation = known and string.match(known, '^%x+') or ''
call('HDEL', relatives, location, 'refused:' .. location)
call('HSET', relatives, 'lost:' .. location, lost and lost .. ' ' .. incarnation or incarnation)
return incarnation
