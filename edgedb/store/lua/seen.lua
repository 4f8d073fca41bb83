-- Say what is known here of another node's store.
-- Returns {the highest counter seen of it, whether one before it was declared lost (1 | 0)}
local relatives = unpack(KEYS)
local location = unpack(ARGV)

local known, lost = fields(relatives, location, 'lost:' .. location)
return {int(string.match(known or '', '%x+ %x+ (%d+)')), lost and 1 or 0}
