-- Say what is known of a session: the fields of its token, and its version.
local meta = unpack(KEYS)

return call('HMGET', meta, 'proprietary', 'current', 'function', 'epoch', 'version')
