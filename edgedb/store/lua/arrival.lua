-- Give the open arrival of a session, and what the server calls itself at that moment.
-- Returns {{field, value, …}, run}
local arrival = unpack(KEYS)

return {call('HGETALL', arrival), server_run()}
