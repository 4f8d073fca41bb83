-- Admit a process to its node's store, in this run of its server: if that is known to be whole, or
-- is served as it is. That is found out anew in each run (docs/protocol.md#behind).
-- Returns {'unclaimed'}, {'foreign', tree, location} (whose it is), or
--   {'ok' | 'waits', what its steps are to show, incarnation, run, counter, the run and who has told
--    all that it knows in it (locations), '1' if it has to rejoin, the counter before
--    it was served while somebody was silent}
local node = unpack(KEYS)
local tree,
  location = unpack(ARGV)

local incarnation, known_tree, known_location, admitted, counter, whole, behind, heard, began =
  fields(node, 'incarnation', 'tree', 'location', 'admitted', 'counter', 'whole', 'behind', 'heard',
    'began')
if not incarnation then return {'unclaimed'} end
if known_tree ~= tree or known_location ~= location then
  return {'foreign', known_tree, known_location}
end
local run = server_run()
-- a digest: the node's hash stays one that the server keeps in one piece
local shown = redis.sha1hex(table.concat({tree, location, incarnation, run}, ' '))
local state = whole == run and 'ok' or 'waits'
if state == 'ok' and admitted ~= shown then
  call('HDEL', node, 'admitted') -- on a full server too
  call('HSET', node, 'admitted', shown)
end
local is_heard = heard and string.find(heard, run, 1, true) == 1
return {state, shown, incarnation, run, counter or '0', is_heard and heard or run, behind or '',
  began or counter or '0'}
