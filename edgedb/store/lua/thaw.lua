-- End the freeze for a transfer; its grant is never honoured after this (docs/protocol.md#why-grants).
local meta = unpack(KEYS)
local here,
  transfer = unpack(ARGV)

local current, frozen_for = fields(meta, 'current', 'frozen_for')
if current == here and frozen_for == transfer then end_freeze(meta) end
return 'ok'
