#!lua flags=allow-oom
--[[ A connection ended. Only the Library's latest connection says that it is gone: it may be back elsewhere already.
  It counts as away at once, but when it was last seen is kept: its assignment lives on for the lease.
  Also when memory is full: it writes over what is there.
  KEYS[1] libraries hash  KEYS[2] presence zset
  ARGV[1] library  ARGV[2] connection  ARGV[3] ms without a word that count as away
  Returns 1 gone, 0 it has a newer connection.
]]
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if stored and cjson.decode(stored).connection ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], 'XX', string.format('%d', now - ARGV[3] - 1), ARGV[1])
return 1
