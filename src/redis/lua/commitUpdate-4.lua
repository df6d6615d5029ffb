#!lua
--[[ Counts an update whose bytes are stored: the one moment at which it becomes part of the round.
  KEYS[1] session hash  KEYS[2] assignments hash  KEYS[3] receipts list  KEYS[4] events stream
  ARGV[1] round  ARGV[2] attempt  ARGV[3] library  ARGV[4] update id
  ARGV[5] receipt JSON object without receivedMs  ARGV[6] events kept
  Returns {code, received, needed}: 1 counted, 2 this very update was counted before;
  -2 not assigned; -3 round closed; -4 assignment over; -5 another update of this Library was counted.
]]
local rcall = redis.call
local session = rcall('HMGET', KEYS[1], 'round', 'attempt', 'roundState', 'needed')
local current = session[1] == ARGV[1] and session[2] == ARGV[2]
local stored = rcall('HGET', KEYS[2], ARGV[3])
if not stored then return {current and -2 or -3, 0, 0} end
local assignment = cjson.decode(stored)
local needed = tonumber(session[4]) or 0
if assignment.state == 'received' then
  return {assignment.updateId == ARGV[4] and 2 or -5, rcall('LLEN', KEYS[3]), needed}
end
if not current or session[3] ~= 'collecting' then return {-3, 0, 0} end
if assignment.state ~= 'offered' and assignment.state ~= 'accepted' then return {-4, 0, 0} end

local time = rcall('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
assignment.state = 'received'
assignment.updateId = ARGV[4]
rcall('HSET', KEYS[2], ARGV[3], cjson.encode(assignment))
-- The receipt is text all the way: decoding it here would round its metrics.
local received = rcall('RPUSH', KEYS[3], '{"receivedMs":' .. now .. ',' .. string.sub(ARGV[5], 2))
local event = string.format('{"type":"update.received","round":%s,"received":%d,"needed":%d}', ARGV[1], received, needed)
rcall('XADD', KEYS[4], 'MAXLEN', '~', ARGV[6], '*', 'e', event)
return {1, received, needed}
