-- Throw away what was staged for an arrival (design section 3, failure rules).
-- KEYS: arrival, arrivals, scalars, lists, versions, replies, reply index, then all lists' keys
-- ARGV: now, session, transfer, refused grant ('' while copying: a prepared arrival stays),
--       only if untouched for so many ms
-- Returns 'ok', 'gone' (not this arrival, or prepared under another grant), or 'again' (not
--   all lists were named).
local state = call('HMGET', KEYS[1], 'transfer', 'phase', 'grant', 'touched')
if state[1] ~= ARGV[3] then return 'gone' end
if state[2] == 'prepared' and state[3] ~= ARGV[4] then return 'gone' end
if int(state[4]) + tonumber(ARGV[5]) > clock(ARGV[1]) then return 'gone' end
if call('HLEN', KEYS[4]) ~= #KEYS - 7 then return 'again' end
for i = 3, #KEYS do call('UNLINK', KEYS[i]) end
call('DEL', KEYS[1])
call('ZREM', KEYS[2], ARGV[2])
return 'ok'
