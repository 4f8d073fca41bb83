-- Set a key aside whose data no session and no arrival owns.
-- It is renamed, not deleted: it may be all that is left of something.
-- KEYS: meta, arrival, lists, the key, its name once set aside
-- ARGV: here, number of the list or '' for another part, how long it is kept in ms
-- Returns 'ok', also if it is gone or owned (by now).
if call('EXISTS', KEYS[4]) == 0 then return 'ok' end
local is_owned = call('HGET', KEYS[1], 'current') == ARGV[1] or call('EXISTS', KEYS[2]) == 1
if is_owned and ARGV[2] == '' then return 'ok' end
if is_owned then
  for _, entry in ipairs(call('HVALS', KEYS[3])) do
    if string.match(entry, '^%d+') == ARGV[2] then return 'ok' end
  end
end
call('RENAME', KEYS[4], KEYS[5])
call('PEXPIRE', KEYS[5], ARGV[3])
return 'ok'
