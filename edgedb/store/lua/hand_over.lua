-- The commit point of a move (design section 3, step 4): the session becomes a pointer.
-- KEYS: meta, scalars, lists, versions, gone, replies, reply index, residents by size,
--       residents of the proprietary, node, then the keys of all lists
-- ARGV: now, here, session, grant, destination
-- Returns 'ok', 'refused' (the grant is not in force), or 'again' (not all lists were named).
local meta, now, here, session = KEYS[1], clock(ARGV[1]), ARGV[2], ARGV[3]
local state = call('HMGET', meta, 'current', 'grant', 'epoch', 'size', 'handed')
if not state[1] then return 'refused' end
if state[1] ~= here then
  return state[1] == ARGV[5] and state[5] == ARGV[4] and 'ok' or 'refused'
end
if state[2] ~= ARGV[4] then return 'refused' end
if not is_frozen(meta, now) then
  end_freeze(meta)
  return 'refused'
end
if call('HLEN', KEYS[3]) ~= #KEYS - 10 then return 'again' end

for i = 2, 7 do call('UNLINK', KEYS[i]) end
for i = 11, #KEYS do call('UNLINK', KEYS[i]) end
call('HDEL', meta, 'version', 'size', 'lists', 'lock', 'lock_until', 'last', 'floor', 'buried', 'thawed',
  'frozen_for', 'frozen_until', 'grant')
call('HSET', meta, 'current', ARGV[5], 'epoch', int(state[3]) + 1, 'handed', ARGV[4])
unindex(KEYS[8], KEYS[9], session)
-- not -int(…): Lua's minus zero is no integer to the server
call('HINCRBY', KEYS[10], 'bytes', 0 - int(state[4]))
return 'ok'
