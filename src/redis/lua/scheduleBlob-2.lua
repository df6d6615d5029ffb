#!lua
--[[ Says when a blob that Redis does not hold itself ends, before it is stored: whoever dies in between leaves no orphan.
  KEYS[1] ending zset  KEYS[2] reaped zset
  ARGV[1] blob  ARGV[2] ms it may live, "" = for ever
  Returns 1, or 0 when it is being deleted at this moment.
]]
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
if ARGV[2] == '' then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZADD', KEYS[1], string.format('%d', now + ARGV[2]), ARGV[1])
end
return 1
