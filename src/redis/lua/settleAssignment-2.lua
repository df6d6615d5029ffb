#!lua
--[[ A Library accepts, declines or fails its assignment.
  KEYS[1] session hash   KEYS[2] assignments hash
  ARGV[1] round  ARGV[2] attempt  ARGV[3] library  ARGV[4] new state  ARGV[5] reason
  Returns 1 changed, 0 it was so already; -2 not assigned; -3 round closed; -4 assignment over.
]]
local rcall = redis.call
local stored = rcall('HGET', KEYS[2], ARGV[3])
if not stored then
  local known = rcall('HMGET', KEYS[1], 'round', 'attempt')
  if known[1] == ARGV[1] and known[2] == ARGV[2] then return -2 end
  return -3
end
local session = rcall('HMGET', KEYS[1], 'round', 'attempt', 'roundState')
if session[1] ~= ARGV[1] or session[2] ~= ARGV[2] or session[3] ~= 'collecting' then return -3 end
local assignment = cjson.decode(stored)
if assignment.state == ARGV[4] then return 0 end
if assignment.state ~= 'offered' and assignment.state ~= 'accepted' then return -4 end
assignment.state = ARGV[4]
if ARGV[5] ~= '' then assignment.reason = ARGV[5] end
rcall('HSET', KEYS[2], ARGV[3], cjson.encode(assignment))
return 1
