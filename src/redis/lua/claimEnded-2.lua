#!lua
--[[ Blobs whose time is over, and those that somebody claimed and did not delete in time. A claimed blob can not be kept.
  KEYS[1] ending zset  KEYS[2] reaped zset
  ARGV[1] at most so many  ARGV[2] ms in which nobody else claims them
  Returns the blobs.
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_ms = string.format('%d', now)
local blobs = redis.call('ZRANGE', KEYS[2], '-inf', now_ms, 'BYSCORE', 'LIMIT', 0, ARGV[1])
local ended = redis.call('ZRANGE', KEYS[1], '-inf', now_ms, 'BYSCORE', 'LIMIT', 0, ARGV[1] - #blobs)
for _, blob in ipairs(ended) do
  redis.call('ZREM', KEYS[1], blob)
  blobs[#blobs + 1] = blob
end
for _, blob in ipairs(blobs) do redis.call('ZADD', KEYS[2], string.format('%d', now + ARGV[2]), blob) end
return blobs
