#!lua flags=allow-oom
--[[ Sessions whose time has come. Each is put off by the claim, so that one coordinator looks and the others need not.
  Also when memory is full: it writes over what is there, and whoever looks may free something.
  KEYS[1] due zset
  ARGV[1] at most so many  ARGV[2] ms to put them off
  Returns the members.
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local members = redis.call('ZRANGE', KEYS[1], '-inf', string.format('%d', now), 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, member in ipairs(members) do
  redis.call('ZADD', KEYS[1], string.format('%d', now + ARGV[2]), member)
end
return members
