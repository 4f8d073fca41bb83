-- Admit a process to its node's store, in this run of its server.
-- Returns {'unclaimed'}, {'foreign', tree, location} (whose it is), or
--   {'ok', what its steps are to show, incarnation, run, counter}
local node = unpack(KEYS)
local tree,
  location = unpack(ARGV)

local incarnation, known_tree, known_location, admitted, counter =
  fields(node, 'incarnation', 'tree', 'location', 'admitted', 'counter')
if not incarnation then return {'unclaimed'} end
if known_tree ~= tree or known_location ~= location then
  return {'foreign', known_tree, known_location}
end
local run = server_run()
local shown = table.concat({tree, location, incarnation, run}, ' ')
if admitted ~= shown then
  call('HDEL', node, 'admitted') -- on a full server too
  call('HSET', node, 'admitted', shown)
end
return {'ok', shown, incarnation, run, counter or '0'}
