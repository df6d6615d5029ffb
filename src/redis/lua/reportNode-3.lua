#!lua flags=allow-oom
--[[ A process says that it is alive; those silent for long are dropped.
  Also when memory is full: processes are few, and a pool in trouble must be seen.
  KEYS[1] nodes hash  KEYS[2] nodes seen zset  KEYS[3] reachable hash
  ARGV[1] node  ARGV[2] record JSON  ARGV[3] ms after which a silent node is dropped
  ARGV[4] "1" when Libraries reach the pool by it  ARGV[5] ms of silence of all such nodes that are a break
  ARGV[6] ms that a break is remembered
  Returns how many are left.
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%d', now), ARGV[1])
if ARGV[4] == '1' then
  local until_ms = tonumber(redis.call('HGET', KEYS[3], 'untilMs') or '-inf')
  if now - until_ms > tonumber(ARGV[5]) then redis.call('HSET', KEYS[3], 'sinceMs', string.format('%d', now)) end
  redis.call('HSET', KEYS[3], 'untilMs', string.format('%d', now))
  redis.call('PEXPIRE', KEYS[3], ARGV[6])
end
local silent = redis.call('ZRANGE', KEYS[2], '-inf', string.format('%d', now - ARGV[3]), 'BYSCORE')
for _, node in ipairs(silent) do
  redis.call('HDEL', KEYS[1], node)
  redis.call('ZREM', KEYS[2], node)
end
return redis.call('HLEN', KEYS[1])
