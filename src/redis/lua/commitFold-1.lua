#!lua
--[[ Moves a shard's pointer to a new partial, if nobody else moved it meanwhile.
  KEYS[1] folds hash
  ARGV[1] shard  ARGV[2] expected pointer ("" = none yet)  ARGV[3] new pointer  ARGV[4] ms the hash may live
  Returns 1 moved, 0 somebody else was first.
]]
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
