-- Begin a request (docs/protocol.md#a-request).
-- Returns one of
--   {'redirect', location, proprietary}
--   {'wait', 'locked' | 'held' | 'arriving'}
--   {'replay', stored reply, proprietary}
--   {'absent'}: the session that is expected is not known here, and nothing is created
--   {'still'}: it was here, and not all nodes have said yet whether it lives elsewhere
--   {'run', proprietary, function, epoch, last, lists, scalars, lists hash, {elements, …}}
--     where epoch is 0 if there is no session to read; last is the lock of the last commit, or '';
--     scalars are false if they are many, the lists hash if lists are many, elements of a list if
--     it is large
-- KEYS: the session's,
local arrival = other_keys(1) -- and those of the first SMALL_LISTS lists
local now,
  here,
  of_function,
  lock, -- or '' to read only
  lock_ttl_ms,
  idempotency_key, -- or ''
  home = unpack(ARGV) -- the proprietary location of the session that is expected, or ''
now = clock(now)

local is_writer = lock ~= ''
local current, proprietary, known_function, epoch, version, list_count, valued, last, locked_by,
  lock_renewed, lock_until, queue, held_since, held_until = fields(meta, 'current', 'proprietary',
    'function', 'epoch', 'version', 'lists', 'valued', 'last', 'lock', 'lock_renewed', 'lock_until',
    'queue', 'held_since', 'held_until')
local is_committed = int(version) > 0 -- what is not may yet leave nothing behind
if current ~= here then
  local prepared, source, grant, arriving = fields(arrival, 'prepared', 'source', 'grant', 'proprietary')
  proprietary = proprietary or arriving
  if home ~= '' and proprietary ~= home then return {'absent'} end
  if int(prepared) > 0 or grant then return {'wait', 'arriving'} end
  if current then return {'redirect', current, proprietary} end
  if source then return {'redirect', source, proprietary} end -- on its way here: it still lives there
elseif home ~= '' and (proprietary ~= home or not is_committed) then
  return {'absent'}
end
if not is_committed and not is_writer then
  return {'run', here, of_function, 0, '', 0, {}, {}, {}}
end
if current ~= here then -- what was removed, or lost, has left its epoch
  if int(epoch) > 0 and stays_still(here) then return {'still'} end -- it may live elsewhere
  proprietary, known_function, epoch = here, of_function, int(epoch) + 1
  call('HSET', meta, 'proprietary', here, 'current', here, 'function', of_function,
    'epoch', epoch, 'stay', lock, 'version', 0, 'size', 0, 'lists', 0)
end

if idempotency_key ~= '' then
  local reply = call('HGET', replies, idempotency_key)
  if reply and version_of(reply) > now then
    if queue then set_queue(meta, (others_in(queue, lock))) end
    return {'replay', reply, proprietary}
  end
end

if is_writer then
  if in_force(held_since, held_until, now) and locked_by ~= lock then return {'wait', 'held'} end
  local is_held = locked_by == lock -- it has begun before, and not got the answer
  local is_anothers = locked_by and not is_held and in_force(lock_renewed, lock_until, now)
  if is_anothers or queue and not is_held then
    local others, before = others_in(queue or '', lock, now)
    if is_anothers or before > 0 then
      table.insert(others, before + 1, lock .. ' ' .. now + TICKET_MS)
      set_queue(meta, others)
      return {'wait', 'locked'}
    end
    set_queue(meta, others)
  end
  -- A lock need not outlive the server: a commit without it is refused. So it is not written to
  -- the append-only file, whose sync would cost every request a second time.
  if is_committed then redis.set_repl(redis.REPL_NONE) end
  local locked = {'lock', lock, 'lock_function', of_function, 'lock_since', now,
    'lock_renewed', now, 'lock_until', now + lock_ttl_ms}
  local taken = redis.pcall('HSET', meta, unpack(locked))
  if type(taken) == 'table' then -- a full server lets requests run that may delete
    if not is_committed then return taken end
    call('HDEL', meta, 'lock')
    call('HSET', meta, unpack(locked))
  end
  -- a session that is never committed leaves nothing behind
  if not is_committed then expire_unless_committed(meta, epoch, lock_ttl_ms) end
end

-- What is small is brought along: the scalars if all of them are, of the lists each that is.
local names, elements = {}, {}
list_count = int(list_count)
if list_count > SMALL_LISTS then
  names = false
elseif list_count > 0 then
  names = call('HGETALL', lists)
  local list_keys = keys_of_lists(1)
  for i = 2, #names, 2 do
    local number, bytes = list_entry(names[i])
    elements[i / 2] = bytes <= SMALL_LIST_BYTES and call('LRANGE', list_keys[number + 1], 0, -1)
  end
end
local is_small = call('HLEN', scalars) <= SMALL_SCALARS
  and (tonumber(valued) or usage(scalars)) <= SMALL_BYTES
return {'run', proprietary, known_function, int(epoch), last or '', list_count,
  is_small and call('HGETALL', scalars), names, elements}
