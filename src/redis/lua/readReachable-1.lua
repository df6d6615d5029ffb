#!lua flags=no-writes
--[[ For how long Libraries could reach the pool, by the clock that its gateways report by.
  KEYS[1] reachable hash
  ARGV[1] ms of silence that are a break
  Returns ms, 0 in a break; -1 when nobody reported.
]]
local seen = redis.call('HMGET', KEYS[1], 'sinceMs', 'untilMs')
if not seen[2] then return -1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now - seen[2] > tonumber(ARGV[1]) then return 0 end
-- A Redis that took over may have an earlier clock.
return math.max(0, now - seen[1])
