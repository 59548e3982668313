--[[
  Counts the ready jobs of queues by whether their priority is a declared one.

  KEYS   the `prioritized` set of each queue; its other keys share the text before `prioritized`
  ARGV   for each queue: how many priorities follow, the declared priorities
  Reply  { Redis' time in ms, { of each queue } }, each { jobs without a priority, jobs with another one, then jobs of
         each declared one }; or, of a queue that cannot be read, the error
  Cost   O(log n) per declared priority, 1 us for each, and 3 reads of O(1); called for at most 50 queues
  Never  writes; reads a list or set as a whole
]]
local call = redis.call
local time = call('TIME')
local at = 1

local function countQueue(key, from, to)
  local base = string.sub(key, 1, -12)
  local counts = { call('LLEN', base .. 'wait') + call('LLEN', base .. 'paused'), call('ZCARD', key) }
  for i = from, to do
    -- A score is the priority * 2^32 plus a counter below 2^32.
    local first = tonumber(ARGV[i]) * 4294967296
    local jobs = call('ZCOUNT', key, string.format('%.0f', first), string.format('%.0f', first + 4294967295))
    counts[2] = counts[2] - jobs
    counts[#counts + 1] = jobs
  end
  return counts
end

local found = {}
for i, key in ipairs(KEYS) do
  local last = at + tonumber(ARGV[at])
  local ok, queue = pcall(countQueue, key, at + 1, last)
  at = last + 1
  -- Of a key of another type: this queue's failure, and nobody else's.
  found[i] = ok and queue or string.sub(type(queue) == 'table' and queue.err or tostring(queue), 1, 200)
end
return { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), found }
