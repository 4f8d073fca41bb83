-- Set a key aside whose data no session and no arrival owns.
-- It is renamed, not deleted: it may be all that is left of something.
-- Returns 'ok', also if it is gone or owned (by now).
local meta,
  arrival,
  lists,
  key,
  aside = unpack(KEYS) -- its name once set aside
local here,
  number, -- of the list, or '' for another part
  kept_ms = unpack(ARGV)

if call('EXISTS', key) == 0 then return 'ok' end
local is_owned = call('HGET', meta, 'current') == here or call('EXISTS', arrival) == 1
if is_owned and number == '' then return 'ok' end
if is_owned then
  for _, entry in ipairs(call('HVALS', lists)) do
    if string.match(entry, '^%d+') == number then return 'ok' end
  end
end
call('RENAME', key, aside)
call('PEXPIRE', aside, kept_ms)
return 'ok'
