#!lua
--[[ Counts updates whose bytes are stored: the one moment at which they become part of the round. All or none: their
  bytes may be one sum.
  KEYS[1] session hash  KEYS[2] assignments hash  KEYS[3] receipts list  KEYS[4] events stream
  ARGV[1] round  ARGV[2] attempt  ARGV[3] events kept
  ARGV[4..] for each update: library, update id, receipt JSON object without receivedMs
  Returns {1 counted or 0, received, needed, blobs, code of each update}: 1 it could be counted, 2 this very update was
  counted before; -2 not assigned; -3 round closed; -4 assignment over; -5 another update of this Library was counted.
]]
local rcall = redis.call
local session = rcall('HMGET', KEYS[1], 'round', 'attempt', 'roundState', 'needed', 'blobs')
local current = session[1] == ARGV[1] and session[2] == ARGV[2]
local needed = tonumber(session[4]) or 0

local function look(assignment, update)
  if not assignment then return current and -2 or -3 end
  if assignment.state == 'received' then return assignment.updateId == update and 2 or -5 end
  if not current or session[3] ~= 'collecting' then return -3 end
  if assignment.state ~= 'offered' and assignment.state ~= 'accepted' then return -4 end
  -- Should it be here twice, the second meets what the first would have left.
  assignment.state = 'received'
  assignment.updateId = update
  return 1
end

local assignments, codes, all = {}, {}, true
for i = 4, #ARGV, 3 do
  local library = ARGV[i]
  if not assignments[library] then
    local stored = rcall('HGET', KEYS[2], library)
    assignments[library] = stored and cjson.decode(stored)
  end
  local code = look(assignments[library], ARGV[i + 1])
  codes[#codes + 1] = code
  all = all and code == 1
end
if not all then return {0, rcall('LLEN', KEYS[3]), needed, tonumber(session[5]) or 0, unpack(codes)} end

local time = rcall('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
local received
for i = 4, #ARGV, 3 do
  rcall('HSET', KEYS[2], ARGV[i], cjson.encode(assignments[ARGV[i]]))
  -- The receipt is text all the way: decoding it here would round its metrics.
  received = rcall('RPUSH', KEYS[3], '{"receivedMs":' .. now .. ',' .. string.sub(ARGV[i + 2], 2))
end
local blobs = rcall('HINCRBY', KEYS[1], 'blobs', 1)
local event = string.format('{"type":"update.received","round":%s,"received":%d,"needed":%d}', ARGV[1], received, needed)
rcall('XADD', KEYS[4], 'MAXLEN', '~', ARGV[3], '*', 'e', event)
return {1, received, needed, blobs, unpack(codes)}
