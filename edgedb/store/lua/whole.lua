-- A store is whole in this run of its server, or is served as it is: processes are admitted to it.
-- Returns 'ok', or 'changed' if it is another one, or in another run, or must rejoin.
local node = unpack(KEYS)
local incarnation,
  run,
  unheard, -- locations that have not answered; they are asked again
  has_rejoined, -- '1' | '0'
  still = unpack(ARGV) -- the homes on whose paths those are

local known, counter, behind, began = fields(node, 'incarnation', 'counter', 'behind', 'began')
if known ~= incarnation or server_run() ~= run then return 'changed' end
if behind and has_rejoined == '0' then return 'changed' end
call('HDEL', node, 'whole', 'behind', 'heard', 'unheard', 'still', 'began',
  'rejoiner', 'rejoiner_since', 'rejoiner_until')
call('HSET', node, 'whole', run)
if unheard ~= '' then -- their answers are for the counter as it was before any move with others
  call('HSET', node, 'unheard', unheard, 'still', still, 'began', began or int(counter))
end
if has_rejoined == '1' then
  call('HSET', node, 'rejoined', incarnation)
  call('HINCRBY', node, 'counter', 1) -- above all that was seen before
end
return 'ok'
