--[[
  Counts and reads the jobs that finished after a watermark.

  KEYS   1 completed  2 failed
  ARGV   1 text before the job ids in job keys
         2 most jobs to read a set
         3 how far back to look, in ms, without a watermark
         4, 5 watermark of completed and failed in ms, or empty
         6 how many of the following ids are of completed; then the ids counted before at each watermark
  Reply  { Redis' time in ms, completed, failed }, each { new jobs, watermark ms, its ids, { job, ... } newest first }
  Cost   O(log n) a set, plus one HMGET a job read; reads at most ARGV[2] jobs a set and 1000 ids of one millisecond
  Never  writes
]]
local base, limit, lookBack = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local completedIds = tonumber(ARGV[6])
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local function sampleSet(key, watermark, firstId, lastId)
  local from = watermark ~= '' and watermark or string.format('%.0f', nowMs - lookBack)
  local seen, seenCount = {}, 0
  for i = firstId, lastId do
    seen[ARGV[i]] = true
    -- A job that was counted may be gone since, or be retried and finish anew later.
    if redis.call('ZSCORE', key, ARGV[i]) == from then seenCount = seenCount + 1 end
  end
  local count = redis.call('ZCOUNT', key, from, '+inf') - seenCount
  if count <= 0 then
    local ids = {}
    for i = firstId, lastId do ids[#ids + 1] = ARGV[i] end
    return { 0, from, ids, {} }
  end
  local rows = redis.call('ZREVRANGEBYSCORE', key, '+inf', from, 'WITHSCORES', 'LIMIT', 0, limit + seenCount)
  local jobs = {}
  for i = 1, #rows, 2 do
    if #jobs >= limit then break end
    if not (rows[i + 1] == from and seen[rows[i]]) then
      jobs[#jobs + 1] = redis.call('HMGET', base .. rows[i], 'timestamp', 'processedOn', 'finishedOn', 'ats', 'opts')
    end
  end
  local newest = rows[2]
  return { count, newest, redis.call('ZRANGEBYSCORE', key, newest, newest, 'LIMIT', 0, 1000), jobs }
end

return {
  string.format('%.0f', nowMs),
  sampleSet(KEYS[1], ARGV[4], 7, 6 + completedIds),
  sampleSet(KEYS[2], ARGV[5], 7 + completedIds, #ARGV),
}
