-- Let a session be elsewhere, or nowhere: what is resident here of it is set aside, and a pointer, or
-- its epoch, is left in its place.
-- Returns 'ok' (also when repeated), 'aside' if something was set aside, 'later' if that epoch or a
--   higher one is known here, 'stranger' if it is known here as another location's, or 'again' (not
--   all lists were named).
-- KEYS: the session's,
local by_size,
  of_proprietary,
  node,
  asides = other_keys(4) -- and those of all lists; then the session's and the lists' once set aside
local now,
  here,
  session,
  proprietary,
  of_function,
  location, -- where it is; '': nowhere, only its epoch is left; '?': likewise, it was here and is lost
  epoch, -- of it there; of what is resident here, if it is to be nowhere
  id, -- of what is set aside
  why,
  list_count = unpack(ARGV) -- how many lists are named

local is_lost = location == '?'
if is_lost then location = '' end
local current, known_proprietary, known_epoch, version, size =
  fields(meta, 'current', 'proprietary', 'epoch', 'version', 'size')
if current and known_proprietary ~= proprietary then return 'stranger' end
if location == '' and not current and known_epoch == epoch then return 'ok' end
if location ~= '' and current == location and known_epoch == epoch then return 'ok' end
local is_wanted = location == '' and not is_lost and current == here and known_epoch == epoch
  or (location ~= '' or is_lost) and int(known_epoch) < tonumber(epoch)
if not is_wanted then return 'later' end

local answer = 'ok'
if current == here then
  if call('HLEN', lists) ~= tonumber(list_count) then return 'again' end
  unindex(by_size, of_proprietary, session)
  call('HINCRBY', node, 'bytes', 0 - int(size))
  if int(version) > 0 then -- else nobody was told that it was created
    answer = 'aside'
    set_aside(asides, id, session, why, clock(now), meta, all_keys(4, list_count))
  end
elseif current then
  call('HINCRBY', node, 'pointers', 0 - int(size))
end
remove(meta, int(epoch))
if location ~= '' then
  call('PERSIST', meta)
  call('HSET', meta, 'proprietary', proprietary, 'current', location, 'function', of_function,
    'size', META_BYTES)
  call('HINCRBY', node, 'pointers', keep_size(0))
end
return answer
