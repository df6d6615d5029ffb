#!lua flags=allow-oom
--[[ Appends to an audit trail if its head is still the one that the new entries were chained to: whoever writes, the
  chain has one order. Also when memory is full: a trail is bounded, and what was done must be written down.
  KEYS[1] head hash  KEYS[2] entries stream
  KEYS[3] record of the Repo; the head hash itself where there is none
  KEYS[4] hash that remembers what was written once; the head hash itself where it does not matter
  ARGV[1] expected hash of the head ("" = only look)  ARGV[2] hash of the new head  ARGV[3] first entry to keep
  ARGV[4] "1" when the Repo must be there  ARGV[5] mark, 1 or 2 ("" = none)  ARGV[6..] entries
  Returns {code, seq, hash, first entry kept, now}: 1 appended, 0 not; 2 that mark is there already; -7 no such Repo.
]]
local rcall = redis.call
local time = rcall('TIME')
local head = rcall('HMGET', KEYS[1], 'seq', 'sha256', 'first')
local seq, sha256, first = tonumber(head[1] or '0'), head[2] or string.rep('0', 64), tonumber(head[3] or '1')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function answer(code) return {code, seq, sha256, first, now} end

if ARGV[4] == '1' and rcall('EXISTS', KEYS[3]) == 0 then return answer(-7) end
if ARGV[5] ~= '' and tonumber(rcall('HGET', KEYS[4], 'audited') or '0') >= tonumber(ARGV[5]) then return answer(2) end
if sha256 ~= ARGV[1] then return answer(0) end

for i = 6, #ARGV do
  seq = seq + 1
  rcall('XADD', KEYS[2], string.format('%d-0', seq), 'e', ARGV[i])
end
sha256 = ARGV[2]
if tonumber(ARGV[3]) > first then
  first = tonumber(ARGV[3])
  rcall('XTRIM', KEYS[2], 'MINID', '=', string.format('%d-0', first))
end
rcall('HSET', KEYS[1], 'seq', string.format('%d', seq), 'sha256', sha256, 'first', string.format('%d', first))
if ARGV[5] ~= '' then rcall('HSET', KEYS[4], 'audited', ARGV[5]) end
return answer(1)
