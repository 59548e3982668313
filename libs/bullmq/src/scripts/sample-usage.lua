--[[
  Reads what some of the pods of a pool reported of their usage, chosen at random.

  KEYS   the hash of the pool's reports, by pod
  ARGV   1 most reports to read
         2 longest report, bytes; a longer one is none
  Reply  { Redis' time in ms, { pod, report, pod, report, ... } }
  Cost   O(reports read)
  Never  writes; sends texts of any length, which whoever may write to the queue can put there
]]
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local fields = redis.call('HRANDFIELD', KEYS[1], ARGV[1], 'WITHVALUES')
local longest = tonumber(ARGV[2])
local reply = {}
for i = 1, #fields, 2 do
  if #fields[i] <= 253 and #fields[i + 1] <= longest then
    reply[#reply + 1] = fields[i]
    reply[#reply + 1] = fields[i + 1]
  end
end
return { string.format('%.0f', nowMs), reply }
