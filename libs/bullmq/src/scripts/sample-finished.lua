--[[
  Counts and reads the jobs of queues that finished after their watermarks.

  KEYS   the `completed` set of each queue; its other keys share the text before `completed`
  ARGV   1 most jobs to read per set
         2 most jobs to read in all: each set gets at least its even share of what those before it left
         3 how far back to read, in ms, without a watermark
         then for completed and for failed of each queue: watermark in ms or empty, how many ids follow, the ids that were
         counted before at the watermark
  Reply  { Redis' time in ms, { completed, failed of each queue } }, each { new jobs, watermark ms, its ids, { job, ... } },
         the jobs newest first; or, of a set that cannot be read, the error
  Cost   O(log n) per set, 3 us, plus one HMGET per job read, 3 us, plus one ZSCORE per id given; reads at most 1000 ids,
         of 16 kB together, of one millisecond, and 4000 in all sets: each at least its even share of what those before
         it left
  Never  writes
]]
local most, left, lookBack = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local call = redis.call
local time = call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
-- One that finished later than now is of a worker whose clock is ahead, or of nobody's: it counts when its time has come. It
-- would hide all that finish before.
local to = string.format('%.0f', nowMs + 60000)
local setsLeft, idsLeft, at = 2 * #KEYS, 4000, 4

local function sampleSet(base, key)
  local limit = math.min(most, math.ceil(left / setsLeft))
  local mostIds = math.min(1000, math.ceil(idsLeft / setsLeft))
  setsLeft = setsLeft - 1
  local from = ARGV[at] ~= '' and ARGV[at] or string.format('%.0f', nowMs - lookBack)
  local firstId, lastId = at + 2, at + 1 + tonumber(ARGV[at + 1])
  at = lastId + 1
  local count = call('ZCOUNT', key, from, to)
  local seen, seenCount = {}, 0
  for i = firstId, lastId do
    seen[ARGV[i]] = true
    -- A counted job may have been removed since, or be retried and finish again later.
    if count > 0 and call('ZSCORE', key, ARGV[i]) == from then seenCount = seenCount + 1 end
  end
  count = count - seenCount
  if count <= 0 then
    local ids = {}
    for i = firstId, math.min(lastId, firstId + mostIds - 1) do ids[#ids + 1] = ARGV[i] end
    idsLeft = idsLeft - #ids
    return { 0, from, ids, {} }
  end
  local rows = call('ZREVRANGEBYSCORE', key, to, from, 'WITHSCORES', 'LIMIT', 0, limit + seenCount)
  local jobs = {}
  for i = 1, #rows, 2 do
    if #jobs >= limit then break end
    if not (rows[i + 1] == from and seen[rows[i]]) then
      local job = call('HMGET', base .. rows[i], 'timestamp', 'processedOn', 'finishedOn', 'ats', 'opts')
      -- The options hold a delay or nothing that matters.
      if job[5] and (#job[5] > 2048 or not string.find(job[5], '"delay"', 1, true)) then job[5] = false end
      for field = 1, 4 do
        -- Longer than any number: whoever may write to the queue sets them.
        if job[field] and #job[field] > 32 then job[field] = false end
      end
      jobs[#jobs + 1] = job
    end
  end
  left = left - #jobs
  local newest = rows[2]
  local ids, bytes = {}, 0
  for _, id in ipairs(call('ZRANGEBYSCORE', key, newest, newest, 'LIMIT', 0, mostIds)) do
    -- Ids of any length would fill the reply; a job whose id is left out counts again while none finishes after it.
    if #id <= 512 and bytes + #id <= 16384 then
      ids[#ids + 1] = id
      bytes = bytes + #id
    end
  end
  idsLeft = idsLeft - #ids
  return { count, newest, ids, jobs }
end

local sets = {}
for _, completed in ipairs(KEYS) do
  local base = string.sub(completed, 1, -10)
  for _, key in ipairs({ completed, base .. 'failed' }) do
    local ok, set = pcall(sampleSet, base, key)
    -- A key of another type: this set's failure, and nobody else's.
    sets[#sets + 1] = ok and set or string.sub(type(set) == 'table' and set.err or tostring(set), 1, 200)
  end
end
return { string.format('%.0f', nowMs), sets }
