#!lua
--[[ These Libraries are still there.
  KEYS[1] presence zset   ARGV[..] libraries
  Returns how many.
]]
local time = redis.call('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
for _, library in ipairs(ARGV) do redis.call('ZADD', KEYS[1], now, library) end
return #ARGV
