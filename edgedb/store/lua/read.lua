-- Read from a session as it was when the request began.
-- Returns {values…}, or false if the session has moved or changed since.
local meta,
  source = unpack(KEYS) -- scalars or lists or one list
local here,
  epoch,
  lock, -- '' without one
  begun_after, -- the last commit then: without a lock, or where the server has forgotten it
  kind = arguments(5) -- 'hash', 'value' (one with all its pieces) or 'list'
local names = counted() -- of the hash's fields, or of the value

local current, known_epoch, locked_by, last = fields(meta, 'current', 'epoch', 'lock', 'last')
if current ~= here or known_epoch ~= epoch then return false end
local is_held = lock ~= '' and locked_by == lock
local is_taken = lock ~= '' and locked_by and not is_held
if is_taken or (not is_held and (last or '') ~= begun_after) then return false end

if kind == 'list' then return call('LRANGE', source, 0, -1) end
local values, goes_on = {}, true
if kind == 'value' then
  while goes_on do
    local piece = call('HGET', source, piece_field(names[1], #values))
    if not piece then break end
    values[#values + 1] = piece
    goes_on = string.match(piece, '^[SB]')
  end
  return values
end
-- one by one: unpack has room for some thousands only
for i, name in ipairs(names) do values[i] = call('HGET', source, name) end
return values
