-- Say whether the server has each step on disk before it answers (1 | 0); 0 where it does not tell.
local function is(name, value)
  local told = redis.pcall('CONFIG', 'GET', name)
  return not told.err and told[2] == value
end
return (is('appendonly', 'yes') and is('appendfsync', 'always')) and 1 or 0
