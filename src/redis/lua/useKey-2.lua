#!lua flags=allow-oom
--[[ An API key was used, if there is one: a Repo that is gone gets no record back.
  Also when memory is full: there are no more uses than keys.
  KEYS[1] API keys   KEYS[2] uses   ARGV[1] keyId
  Returns 1, or 0 when there is no such key.
]]
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[2], ARGV[1], string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000)))
return 1
