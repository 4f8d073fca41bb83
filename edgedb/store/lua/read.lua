-- Read from a session as it was when the request began.
-- Returns {values…}, or false if the session has moved or changed since.
local meta,
  source = unpack(KEYS) -- scalars or lists or one list
local here,
  epoch,
  lock, -- '' without one
  begun_after, -- the last commit then: without a lock, or where the server has forgotten it
  kind = arguments(5) -- 'hash', 'value' (one with all its pieces) or 'list'
local names = counted() -- of the hash's fields, or of the value; of a list the first index

local current, known_epoch, locked_by, last = fields(meta, 'current', 'epoch', 'lock', 'last')
if current ~= here or known_epoch ~= epoch then return false end
local is_held = lock ~= '' and locked_by == lock
local is_taken = lock ~= '' and locked_by and not is_held
if is_taken or (not is_held and (last or '') ~= begun_after) then return false end

local values, goes_on = {}, true
if kind == 'list' then -- up to the element with which it is a slice
  local bytes = 0
  while goes_on do
    local first = names[1] + #values
    local found = call('LRANGE', source, first, first + READ_TOGETHER - 1)
    for _, element in ipairs(found) do
      values[#values + 1] = element
      bytes = bytes + #element
    end
    goes_on = #found == READ_TOGETHER and bytes < READ_BYTES
  end
  return values
end
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
