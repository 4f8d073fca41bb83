-- Read from a session as it was when the request began.
-- KEYS: meta, scalars or lists or one list
-- ARGV: here, epoch, lock ('' without one), version (checked without a lock, or when the server
--       has restarted and forgotten it),
--       'hash', 'value' (one with all its pieces) or 'list'; fields of the hash…
-- Returns {values…}, or false if the session has moved or changed since.
local state = call('HMGET', KEYS[1], 'current', 'epoch', 'lock', 'version')
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return false end
local is_held = ARGV[3] ~= '' and state[3] == ARGV[3]
local is_taken = ARGV[3] ~= '' and state[3] and not is_held
if is_taken or (not is_held and state[4] ~= ARGV[4]) then return false end
if ARGV[5] == 'list' then return call('LRANGE', KEYS[2], 0, -1) end
if ARGV[5] == 'value' then
  local pieces, goes_on = {}, true
  while goes_on do
    local piece = call('HGET', KEYS[2], piece_field(ARGV[6], #pieces))
    if not piece then break end
    pieces[#pieces + 1] = piece
    goes_on = string.match(piece, '^[SB]')
  end
  return pieces
end
-- one by one: unpack has room for some thousands only
local values = {}
for i = 6, #ARGV do values[i - 5] = call('HGET', KEYS[2], ARGV[i]) end
return values
