-- Begin a request (design section 2, step 2).
-- KEYS: meta, arrival, scalars, lists, replies, list 0 … list 7
-- ARGV: now, here, function, mode (write | read), lock, lock ttl in ms, idempotency key or '',
--       most bytes of a small session, most scalars of a small session
-- Returns one of
--   {'redirect', location}
--   {'wait', 'locked' | 'frozen' | 'arriving'}
--   {'replay', stored reply}
--   {'run', proprietary, function, epoch, version, lists, scalars, lists hash, {elements, …}}
--     where the last three are false for a large session
local meta, arrival, scalars, lists = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, here, mode, lock = clock(ARGV[1]), ARGV[2], ARGV[4], ARGV[5]
local ttl, key = tonumber(ARGV[6]), ARGV[7]

local phase = call('HGET', arrival, 'phase')
if phase == 'prepared' then return {'wait', 'arriving'} end

local current = call('HGET', meta, 'current')
if not current then
  -- on its way here: it still lives at the source
  if phase then return {'redirect', call('HGET', arrival, 'source')} end
  if mode == 'read' then return {'run', here, ARGV[3], 0, 0, 0, {}, {}, {}} end
  call('HSET', meta, 'proprietary', here, 'current', here, 'function', ARGV[3],
    'epoch', 1, 'version', 0, 'size', 0, 'lists', 0)
elseif current ~= here then
  return {'redirect', current}
end

if key ~= '' then
  local reply = call('HGET', KEYS[5], key)
  if reply and version_of(reply) > now then return {'replay', reply} end
end

if is_frozen(meta, now) then return {'wait', 'frozen'} end
if mode == 'write' then
  local holder = call('HGET', meta, 'lock')
  if holder and holder ~= lock and int(call('HGET', meta, 'lock_until')) > now then
    return {'wait', 'locked'}
  end
  end_freeze(meta)
  call('HSET', meta, 'lock', lock, 'lock_until', now + ttl)
  -- a session that is never committed leaves nothing behind
  if call('HGET', meta, 'version') == '0' then call('PEXPIRE', meta, 2 * ttl) end
end

local state = call('HMGET', meta, 'proprietary', 'function', 'epoch', 'version', 'lists', 'size')
local answer = {'run', state[1], state[2], int(state[3]), int(state[4]), int(state[5]),
  false, false, false}
local is_small = int(state[6]) <= tonumber(ARGV[8])
  and call('HLEN', scalars) <= tonumber(ARGV[9])
  and call('HLEN', lists) <= #KEYS - 5
if not is_small then return answer end

local names = call('HGETALL', lists)
local elements = {}
for i = 2, #names, 2 do
  local list = KEYS[6 + tonumber(string.match(names[i], '^%d+'))]
  if not list then return answer end
  elements[#elements + 1] = call('LRANGE', list, 0, -1)
end
answer[7], answer[8], answer[9] = call('HGETALL', scalars), names, elements
return answer
