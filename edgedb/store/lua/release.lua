-- Release the lock without a commit; a session created by this request is gone again.
-- KEYS: meta
-- ARGV: lock
if call('HGET', KEYS[1], 'lock') ~= ARGV[1] then return 'ok' end
if call('HGET', KEYS[1], 'version') == '0' then
  call('DEL', KEYS[1])
else
  call('HDEL', KEYS[1], 'lock', 'lock_until')
end
return 'ok'
