--[[
  Leaves or renews a claim beside the owner mark of a queue that another governs: a removal by that other one stops at it.

  KEYS   1 meta
  ARGV   1 field of the owner mark
         2 the mark as read
         3 field of the claims: lines of `time in ms at which the claim expires, space, owner`
         4 owner that claims
         5 for how many ms the claim stands
         6 claims that there may be at most
         7 ms from now after which no claim expires: one that says so is none
  Reply  left; full: others have as many claims as there may be; ownershipLost: the mark is another one, or none.
         Nothing is written unless it is left.
  Cost   2 reads and 1 write of O(1), about 10 us; claims that have expired, or are more than there may be, are dropped
  Never  creates `meta`, or writes another field
]]
local call = redis.call
-- include parts/claims.lua
-- include parts/mark.lua
local mark = readableMark(call('HGET', KEYS[1], ARGV[1]) or '')
if mark == '' or mark ~= ARGV[2] then return 'ownershipLost' end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most = tonumber(ARGV[6])
local lines = {}
for _, claim in ipairs(standingClaims(call('HGET', KEYS[1], ARGV[3]) or '', now, most, tonumber(ARGV[7]))) do
  if claim.owner ~= ARGV[4] then lines[#lines + 1] = claim.line .. '\n' end
end
if #lines >= most then return 'full' end
lines[#lines + 1] = string.format('%.0f %s\n', now + tonumber(ARGV[5]), ARGV[4])
call('HSET', KEYS[1], ARGV[3], table.concat(lines))
return 'left'
