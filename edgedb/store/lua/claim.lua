-- Claim a store for a location of a tree; one that is claimed stays whose it is.
-- Returns {tree, location} whose it is now.
local node = unpack(KEYS)
local tree,
  location,
  incarnation = unpack(ARGV) -- a random id

local known, known_tree, known_location = fields(node, 'incarnation', 'tree', 'location')
if known then return {known_tree, known_location} end
call('HSET', node, 'tree', tree, 'location', location, 'incarnation', incarnation)
return {tree, location}
