--[[
  Counts the active jobs of queues by the worker that holds them, and for how long they have run, one page per call.

  KEYS   the `active` list of each queue; its jobs' keys share the text before `active`
  ARGV   1 most active jobs in all lists together for which any job is read
         2 most jobs to read
         3, 4 where to go on: index in KEYS, from 1, and jobs of that list read before
  Reply  { active jobs in all lists, { worker, jobs, ms they have run for in all, worker, ... }, jobs that name no worker,
         and where to go on: index in KEYS or 0 when all is read, jobs of that list read }
  Cost   O(1) per list, plus one HMGET per job read, about 2 us each
  Never  writes; reads a list as a whole
]]
local mostActive, left, from, skip = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local call = redis.call
local lengths, active = {}, 0
for i, key in ipairs(KEYS) do
  lengths[i] = call('LLEN', key)
  active = active + lengths[i]
end
if active > mostActive then return { active, {}, 0, 0, 0 } end
local time = call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local counts, ran, unnamed = {}, {}, 0
local nextList, nextJob = 0, 0
for i = from, #KEYS do
  if lengths[i] > skip then
    if left == 0 then
      nextList, nextJob = i, skip
      break
    end
    local base = string.sub(KEYS[i], 1, -7)
    -- From the right end: jobs that start come in on the left and move nothing that was read.
    local ids = call('LRANGE', KEYS[i], -skip - left, -skip - 1)
    for _, id in ipairs(ids) do
      local job = call('HMGET', base .. id, 'pb', 'processedOn')
      local worker, started = job[1], job[2] and #job[2] <= 32 and tonumber(job[2]) or nowMs
      -- A longer name is no pod's, and whoever may write to the queue sets it.
      if worker and #worker <= 253 then
        counts[worker] = (counts[worker] or 0) + 1
        -- By the worker's clock, which may be ahead; no job counts for more than a week, and one whose time is no number
        -- (also not itself) for nothing.
        local ms = nowMs - started
        ran[worker] = (ran[worker] or 0) + (ms == ms and math.floor(math.max(0, math.min(ms, 604800000))) or 0)
      else
        unnamed = unnamed + 1
      end
    end
    left = left - #ids
    if lengths[i] > skip + #ids then
      nextList, nextJob = i, skip + #ids
      break
    end
  end
  skip = 0
end
local reply = {}
for worker, jobs in pairs(counts) do
  reply[#reply + 1] = worker
  reply[#reply + 1] = jobs
  reply[#reply + 1] = ran[worker]
end
return { active, reply, unnamed, nextList, nextJob }
