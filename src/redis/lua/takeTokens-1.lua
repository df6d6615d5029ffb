#!lua flags=allow-oom
--[[ Takes tokens from a bucket that fills at a steady rate; one that is not there is full.
  Also when memory is full: whoever reads must be counted, and a bucket is small and ends when it would be full.
  KEYS[1] bucket hash {tokens, ms}
  ARGV[1] tokens a second  ARGV[2] tokens that it holds  ARGV[3] tokens wanted
  Returns {tokens taken, ms until there is one when there was none}.
]]
local rcall = redis.call
local rate, size, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = rcall('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stored = rcall('HMGET', KEYS[1], 'tokens', 'ms')
local tokens = size
if stored[1] then
  tokens = math.min(size, stored[1] + math.max(0, now - stored[2]) * rate / 1000)
end
local taken = math.min(wanted, math.floor(tokens))
tokens = tokens - taken
rcall('HSET', KEYS[1], 'tokens', string.format('%.3f', tokens), 'ms', string.format('%d', now))
rcall('PEXPIRE', KEYS[1], string.format('%d', math.ceil((size - tokens) * 1000 / rate) + 1000))
if taken > 0 then return { taken, 0 } end
return { 0, math.max(1, math.ceil((1 - tokens) * 1000 / rate)) }
