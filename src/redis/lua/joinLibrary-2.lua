#!lua
--[[ A Library is there, with this data, on this connection.
  KEYS[1] libraries hash  KEYS[2] presence zset
  ARGV[1] library  ARGV[2] datasets JSON  ARGV[3] connection  ARGV[4] ms without a word that count as away
  ARGV[5] most Libraries, 0: any  ARGV[6] ms without a word after which one makes room for another
  Returns 1 when the Library was away before or its data changed, else 0; -6 there are as many as may be.
]]
local rcall = redis.call
local time = rcall('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stamp = string.format('%d', now)
local record = '{"datasets":' .. ARGV[2] .. ',"connection":' .. cjson.encode(ARGV[3]) .. ',"joinedMs":' .. stamp .. '}'
local before = rcall('HGET', KEYS[1], ARGV[1])
local most = tonumber(ARGV[5])
if not before and most > 0 and rcall('HLEN', KEYS[1]) >= most then
  local gone = rcall('ZRANGE', KEYS[2], '-inf', string.format('%d', now - ARGV[6]), 'BYSCORE', 'LIMIT', 0, 1)
  if not gone[1] then return -6 end
  rcall('ZREM', KEYS[2], gone[1])
  rcall('HDEL', KEYS[1], gone[1])
end
local seen = rcall('ZSCORE', KEYS[2], ARGV[1])
rcall('ZADD', KEYS[2], stamp, ARGV[1])
rcall('HSET', KEYS[1], ARGV[1], record)
local there = seen and tonumber(seen) >= now - ARGV[4]
local same = before and string.find(before, '{"datasets":' .. ARGV[2], 1, true) == 1
return (there and same) and 0 or 1
