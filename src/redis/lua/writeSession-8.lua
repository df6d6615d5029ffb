#!lua
--[[ Compare-and-set of a session, with all that must change with it.
  KEYS[1] session hash   KEYS[2] active zset     KEYS[3] sessions zset  KEYS[4] events stream
  KEYS[5] assignments    KEYS[6] receipts list   KEYS[7] versions hash  KEYS[8] history hash
  ARGV[1] expected revision (0: must not exist)   ARGV[2] record JSON
  ARGV[3] round number   ARGV[4] attempt          ARGV[5] round state ("" without a round)
  ARGV[6] needed updates ARGV[7] session id       ARGV[8] created ms
  ARGV[9] "1" while a coordinator is needed       ARGV[10] expected number of receipts ("" = any)
  ARGV[11] JSON list of libraries to assign (anew, when expired)   ARGV[12] JSON list of libraries to expire
  ARGV[13] version number ("" = none)             ARGV[14] version JSON
  ARGV[15] round number of the summary ("")       ARGV[16] summary JSON
  ARGV[17] events kept                            ARGV[18..] events, JSON each
  Returns the new revision; -1 revision or receipts are not as expected.
]]
local rcall = redis.call
local rev = tonumber(rcall('HGET', KEYS[1], 'rev') or '0')
if rev ~= tonumber(ARGV[1]) then return -1 end
if ARGV[10] ~= '' and rcall('LLEN', KEYS[6]) ~= tonumber(ARGV[10]) then return -1 end

rcall('HSET', KEYS[1], 'rev', rev + 1, 'record', ARGV[2], 'round', ARGV[3], 'attempt', ARGV[4],
  'roundState', ARGV[5], 'needed', ARGV[6])
if rev == 0 then rcall('ZADD', KEYS[3], ARGV[8], ARGV[7]) end
if ARGV[9] == '1' then
  rcall('ZADD', KEYS[2], ARGV[8], ARGV[7])
else
  rcall('ZREM', KEYS[2], ARGV[7])
end

local time = rcall('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
for _, library in ipairs(cjson.decode(ARGV[11])) do
  local offered = '{"state":"offered","offeredMs":' .. now .. '}'
  if rcall('HSETNX', KEYS[5], library, offered) == 0
    and cjson.decode(rcall('HGET', KEYS[5], library)).state == 'expired' then
    rcall('HSET', KEYS[5], library, offered)
  end
end
for _, library in ipairs(cjson.decode(ARGV[12])) do
  local stored = rcall('HGET', KEYS[5], library)
  local assignment = stored and cjson.decode(stored)
  if assignment and (assignment.state == 'offered' or assignment.state == 'accepted') then
    assignment.state = 'expired'
    rcall('HSET', KEYS[5], library, cjson.encode(assignment))
  end
end

if ARGV[13] ~= '' then rcall('HSET', KEYS[7], ARGV[13], ARGV[14]) end
if ARGV[15] ~= '' then rcall('HSET', KEYS[8], ARGV[15], ARGV[16]) end
for i = 18, #ARGV do rcall('XADD', KEYS[4], 'MAXLEN', '~', ARGV[17], '*', 'e', ARGV[i]) end
return rev + 1
