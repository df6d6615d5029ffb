#!lua flags=allow-oom
--[[ These Libraries are still there. Also when memory is full: one that has not joined is not taken in.
  KEYS[1] presence zset   ARGV[..] libraries
  Returns how many were named.
]]
local time = redis.call('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
for _, library in ipairs(ARGV) do redis.call('ZADD', KEYS[1], 'XX', now, library) end
return #ARGV
