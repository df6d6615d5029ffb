#!lua flags=no-writes
--[[ The clock of the server that has this key: the masters of a cluster have one each.
  KEYS[1] says where, and need not exist
  Returns ms since 1970.
]]
local time = KEYS[1] and redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
