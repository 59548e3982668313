--[[
  Compares what does not come with a job's hash, its logs, what it knows of its children, and fields beyond the thousandth,
  with what it is to be: some of it, and how much there is in all. A job that was left out is not compared.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 id of the job
         2 fields, logs, dependencies, processed, failed or unsuccessful
         3 of logs, the number of lines before these
         4 how many lines or children there are to be in all; of fields it does not count
         5 and more: as restore-job-part.lua takes them
  Reply  same, or differs
  Cost   2 us per text, of which there are 1,000 at most, and what they take
  Never  writes; sends a text of a job
]]
local job, part = string.sub(KEYS[1], 1, -5) .. ARGV[1], ARGV[2]
local key = part == 'fields' and job or job .. ':' .. part
local call = redis.call
-- include parts/restore-mark.lua
if call('SISMEMBER', staged(string.sub(KEYS[1], 1, -5), 'skipped'), ARGV[1]) == 1 then return 'same' end
local LENGTH = { logs = 'LLEN', dependencies = 'SCARD', processed = 'HLEN', failed = 'HLEN', unsuccessful = 'ZCARD' }
if LENGTH[part] and redis.pcall(LENGTH[part], key) ~= tonumber(ARGV[4]) then return 'differs' end
local given, expected = {}, {}
if part == 'logs' or part == 'dependencies' then
  for i = 5, #ARGV do expected[#expected + 1] = ARGV[i] end
  if part == 'logs' then
    local from = tonumber(ARGV[3])
    given = call('LRANGE', key, from, from + #expected - 1)
  else
    for i, isThere in ipairs(call('SMISMEMBER', key, unpack(expected))) do given[i] = isThere == 1 and expected[i] end
  end
else
  local isScored = part == 'unsuccessful'
  local names = {}
  for i = 5, #ARGV, 2 do
    names[#names + 1] = ARGV[isScored and i + 1 or i]
    local value = ARGV[isScored and i or i + 1]
    expected[#expected + 1] = isScored and tonumber(value) or value
  end
  given = call(isScored and 'ZMSCORE' or 'HMGET', key, unpack(names))
  if isScored then
    for i = 1, #names do given[i] = tonumber(given[i] or '') end
  end
end
for i, value in ipairs(expected) do
  if given[i] ~= value then return 'differs' end
end
return 'same'
