-- Begin a request (design section 2, step 2).
-- KEYS: meta, arrival, scalars, lists, replies, list 0 … list 7
-- ARGV: now, here, function, mode (write | read), lock, lock ttl in ms, idempotency key or '',
--       most bytes of small scalars, most of them, most bytes of a small list
-- Returns one of
--   {'redirect', location}
--   {'wait', 'locked' | 'frozen' | 'arriving'}
--   {'replay', stored reply}
--   {'run', proprietary, function, epoch, version, lists, scalars, lists hash, {elements, …}}
--     where scalars are false if they are many, the lists hash if lists are many, elements of a
--     list if it is large
local meta, arrival, scalars, lists = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local here, lock, key = ARGV[2], ARGV[5], ARGV[7]
local ttl, is_writer = tonumber(ARGV[6]), ARGV[4] == 'write'

local phase = call('HGET', arrival, 'phase')
if phase == 'prepared' then return {'wait', 'arriving'} end

local state = call('HMGET', meta, 'current', 'proprietary', 'function', 'epoch', 'version', 'lists',
  'size', 'lock', 'lock_until', 'frozen_for', 'frozen_until')
if not state[1] then
  -- on its way here: it still lives at the source
  if phase then return {'redirect', call('HGET', arrival, 'source')} end
  if not is_writer then return {'run', here, ARGV[3], 0, 0, 0, {}, {}, {}} end
  state = {here, here, ARGV[3], 1, 0}
  call('HSET', meta, 'proprietary', here, 'current', here, 'function', ARGV[3],
    'epoch', 1, 'version', 0, 'size', 0, 'lists', 0)
elseif state[1] ~= here then
  return {'redirect', state[1]}
end

local now = clock(ARGV[1])
if key ~= '' then
  local reply = call('HGET', KEYS[5], key)
  if reply and version_of(reply) > now then return {'replay', reply} end
end

if int(state[11]) > now then return {'wait', 'frozen'} end
if is_writer then
  if state[8] and state[8] ~= lock and int(state[9]) > now then return {'wait', 'locked'} end
  if state[10] then end_freeze(meta) end
  local is_new = int(state[5]) == 0
  -- A lock need not outlive the server: a commit without it is refused. So it is not written to
  -- the append-only file, whose sync would cost every request a second time.
  if not is_new then redis.set_repl(redis.REPL_NONE) end
  local taken = redis.pcall('HSET', meta, 'lock', lock, 'lock_until', now + ttl)
  if type(taken) == 'table' then -- a full server lets requests run that may delete
    if is_new then return taken end
    call('HDEL', meta, 'lock')
    call('HSET', meta, 'lock', lock, 'lock_until', now + ttl)
  end
  redis.set_repl(redis.REPL_ALL)
  -- a session that is never committed leaves nothing behind
  if is_new then call('PEXPIRE', meta, 2 * ttl) end
end

-- What is small is brought along: the scalars if all of them are, of the lists each that is.
local list_count, scalar_bytes = int(state[6]), int(state[7])
local names, elements = {}, {}
if list_count > #KEYS - 5 then
  names = false
elseif list_count > 0 then
  names = call('HGETALL', lists)
end
for i = 2, names and #names or 0, 2 do
  local number, bytes = string.match(names[i], '^(%d+) (%d+)')
  scalar_bytes = scalar_bytes - tonumber(bytes) - #names[i - 1]
  local is_small = tonumber(bytes) <= tonumber(ARGV[10])
  elements[i / 2] = is_small and call('LRANGE', KEYS[6 + tonumber(number)], 0, -1)
end
local is_small = scalar_bytes <= tonumber(ARGV[8]) and call('HLEN', scalars) <= tonumber(ARGV[9])
return {'run', state[2], state[3], int(state[4]), int(state[5]), list_count,
  is_small and call('HGETALL', scalars), names, elements}
