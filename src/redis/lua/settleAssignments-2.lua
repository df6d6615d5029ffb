#!lua
--[[ Libraries accept, decline or fail their assignments, each for itself.
  KEYS[1] session hash   KEYS[2] assignments hash
  ARGV[1] round  ARGV[2] attempt
  ARGV[3..] for each: library, new state, reason
  Returns for each 1 changed, 0 it was so already; -2 not assigned; -3 round closed; -4 assignment over.
]]
local rcall = redis.call
local session = rcall('HMGET', KEYS[1], 'round', 'attempt', 'roundState')
local current = session[1] == ARGV[1] and session[2] == ARGV[2]

local function settle(library, state, reason)
  local stored = rcall('HGET', KEYS[2], library)
  if not stored then return current and -2 or -3 end
  if not current or session[3] ~= 'collecting' then return -3 end
  local assignment = cjson.decode(stored)
  if assignment.state == state then return 0 end
  if assignment.state ~= 'offered' and assignment.state ~= 'accepted' then return -4 end
  assignment.state = state
  if reason ~= '' then assignment.reason = reason end
  rcall('HSET', KEYS[2], library, cjson.encode(assignment))
  return 1
end

local codes = {}
for i = 3, #ARGV, 3 do codes[#codes + 1] = settle(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
return codes
