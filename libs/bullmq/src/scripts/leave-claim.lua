--[[
  Leaves or renews a claim beside the owner mark of a queue that another governs: a removal by that other one stops at it.

  KEYS   1 meta
  ARGV   1 field of the owner mark
         2 the mark as read
         3 field of the claims: lines of `time in ms at which the claim expires, space, owner`
         4 owner that claims
         5 for how many ms the claim stands
         6 claims that others may have at most
         7 ms from now after which no claim expires: one that says so is none
  Reply  left; full: others have as many claims as there may be; ownershipLost: the mark is another one, or none.
         Nothing is written unless it is left.
  Cost   2 reads and 1 write of O(1), about 10 us; claims that have expired are dropped
  Never  creates `meta`, or writes another field
]]
local call = redis.call
local mark = call('HGET', KEYS[1], ARGV[1]) or ''
-- As read-policy.lua reads it.
if #mark > 4096 then mark = redis.sha1hex(mark) end
if mark == '' or mark ~= ARGV[2] then return 'ownershipLost' end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = call('HGET', KEYS[1], ARGV[3]) or ''
if #text > 4096 then text = '' end
local lines = {}
for at, owner in string.gmatch(text, '(%d+) ([^\n]+)\n') do
  local left = tonumber(at) - now
  if owner ~= ARGV[4] and left > 0 and left <= tonumber(ARGV[7]) then lines[#lines + 1] = at .. ' ' .. owner .. '\n' end
end
if #lines >= tonumber(ARGV[6]) then return 'full' end
lines[#lines + 1] = string.format('%.0f %s\n', now + tonumber(ARGV[5]), ARGV[4])
call('HSET', KEYS[1], ARGV[3], table.concat(lines))
return 'left'
