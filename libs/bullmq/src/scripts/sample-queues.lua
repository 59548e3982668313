--[[
  Samples queues, all in one instant.

  KEYS   the `meta` key of each queue; its other keys share the text before `meta`
  ARGV   1 horizon in ms: delayed jobs and runs of job schedulers due within it are counted as due soon, those jobs by
         its quarters unless four times as many are in line
         2 1: whole, with what a backlog does not need: finished jobs, whether `meta` exists, the legacy paused list
         3 1: also read the totals that workers with `metrics` keep
         4 a digit per queue, the sum of what else is read: 1 the heads of its lines, 2 what is rare: pause, limits,
         jobs that wait for children, job schedulers, 4 with that the orphans among active jobs
         5… only where they differ: the horizon of each queue instead of 1
  Reply  { Redis' time in ms, { the samples' columns one after the other } }; a sample's order is read by sample.ts. The
         first column of a queue that cannot be read is the error, and its others are null
  Cost   per queue 5 to 10 reads of O(1) or O(log n), 5 to 13 us; what is rare 2 reads and 4 us, 2 more for active jobs,
         one per job scheduler that is due soon, at most 10; heads 2 reads and 5 us per line, 4 more job hashes when its
         first jobs are retries; whole 4 more reads
  Never  writes; reads a list, set or stream as a whole
]]
local horizon, whole, withTotals, digits = tonumber(ARGV[1]), ARGV[2] == '1', ARGV[3] == '1', ARGV[4]
local call = redis.call
local time = call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
-- A delayed job's score is its due time in ms * 4096 plus a tie-breaker below 4096.
local overdueTo = string.format('%.0f', nowMs * 4096 + 4095)
local soonMs, soonTo
local quartersTo = {}
local function useHorizon(ms)
  soonMs = nowMs + ms
  soonTo = string.format('%.0f', soonMs * 4096 + 4095)
  for quarter = 1, 3 do
    quartersTo[quarter] = string.format('%.0f', math.floor(nowMs + ms * quarter / 4) * 4096 + 4095)
  end
end
useHorizon(horizon)

-- The first of these jobs that never ran (ats absent or 0): its timestamp, and its options if they may hold a delay.
local function firstFresh(base, ids)
  for i = 1, #ids do
    local job = call('HMGET', base .. ids[i], 'timestamp', 'ats', 'opts')
    if job[1] and (not job[2] or job[2] == '0') then
      return tonumber(job[1]) or false, job[3] and #job[3] <= 4096 and string.find(job[3], '"delay"', 1, true) and job[3] or false
    end
  end
  return false, false
end

-- The heads of wait and of prioritized. The first job has hardly ever run before: the next few are only read if it has.
local function headsOfLines(base, waiting, prioritized)
  local heads = { false, false, false, false }
  if waiting > 0 then
    heads[1], heads[2] = firstFresh(base, { call('LINDEX', base .. 'wait', -1) })
    if not heads[1] and waiting > 1 then
      local ids, turned = call('LRANGE', base .. 'wait', -5, -2), {}
      for i = #ids, 1, -1 do turned[#turned + 1] = ids[i] end
      heads[1], heads[2] = firstFresh(base, turned)
    end
  end
  if prioritized > 0 then
    heads[3], heads[4] = firstFresh(base, call('ZRANGE', base .. 'prioritized', 0, 0))
    if not heads[3] and prioritized > 1 then
      heads[3], heads[4] = firstFresh(base, call('ZRANGE', base .. 'prioritized', 1, 4))
    end
  end
  return (heads[1] or heads[3]) and heads
end

-- Runs of job schedulers that are due within the horizon after the next run, which is a delayed job already, as the
-- worker that starts a run adds the one after it. Those with a cron pattern count for their next run only.
local function furtherRuns(repeatKey)
  local due = call('ZRANGEBYSCORE', repeatKey, '-inf', string.format('%.0f', soonMs), 'WITHSCORES', 'LIMIT', 0, 10)
  local runs = 0
  for i = 1, #due, 2 do
    local scheduler = call('HMGET', repeatKey .. ':' .. due[i], 'every', 'limit', 'ic', 'endDate')
    local every, limit, last = tonumber(scheduler[1] or 0), tonumber(scheduler[2] or ''), tonumber(scheduler[4] or '')
    if every and every >= 1 then
      local left = math.floor((math.min(last or soonMs, soonMs) - math.max(due[i + 1], nowMs)) / every)
      if limit then left = math.min(left, limit - (tonumber(scheduler[3] or '') or 0)) end
      runs = runs + math.max(0, left)
    end
  end
  return runs
end

-- Those of the oldest active jobs whose lock is gone with their worker. Ten are read first; up to a hundred only when
-- all ten have lost theirs.
local function orphans(base)
  local lost, skip = 0, 0
  for _, most in ipairs({ 10, 90 }) do
    local ids = call('LRANGE', base .. 'active', -skip - most, -skip - 1)
    if #ids == 0 then return lost end
    for i = 1, #ids do ids[i] = base .. ids[i] .. ':lock' end
    local held = call('EXISTS', unpack(ids))
    lost = lost + #ids - held
    if held > 0 then return lost end
    skip = skip + most
  end
  return lost
end

-- False when the queue has none of it, as nearly all queues.
local function whatIsRare(meta, base, active, inLine, withOrphans)
  local set = call('HMGET', meta, 'paused', 'max', 'duration', 'concurrency')
  -- Whoever may write there may write anything: what is longer than a number is none, and is not sent.
  for i = 1, 4 do set[i] = set[i] and string.sub(set[i], 1, 32) end
  local parents, schedulers = 0, 0
  if call('EXISTS', base .. 'waiting-children', base .. 'repeat') > 0 then
    parents = call('ZCARD', base .. 'waiting-children')
    schedulers = call('ZCARD', base .. 'repeat')
  end
  local lost = withOrphans and active > 0 and orphans(base) or 0
  -- Only a queue that is paused has jobs there.
  local legacyPaused = (whole or set[1]) and call('LLEN', base .. 'paused') or 0
  -- Only where jobs wait it matters. Without a limit of the queue it is of a worker's own, or a handler's.
  local window = inLine and math.max(0, call('PTTL', base .. 'limiter')) or 0
  if parents + schedulers + lost + legacyPaused + window == 0 and not (set[1] or set[2] or set[3] or set[4]) then return false end
  local runs = schedulers > 0 and furtherRuns(base .. 'repeat') or 0
  local limited = set[2] and { tonumber(call('GET', base .. 'limiter') or '') or false, call('PTTL', base .. 'limiter') }
  return { parents, legacyPaused, schedulers, runs, lost, set, limited, window }
end

-- One queue's columns, after the first `at` of `rows`.
local function sampleQueue(meta, fields, rows, at)
  local base = string.sub(meta, 1, -5)
  local waiting = call('LLEN', base .. 'wait')
  local prioritized = call('ZCARD', base .. 'prioritized')
  local active = call('LLEN', base .. 'active')
  local delayedKey = base .. 'delayed'
  local delayed = call('ZCARD', delayedKey)
  local overdue, soon, quarters, nextScore = 0, 0, false, false
  if delayed > 0 then
    soon = call('ZCOUNT', delayedKey, '-inf', soonTo)
    if soon > 0 then
      overdue = call('ZCOUNT', delayedKey, '-inf', overdueTo)
      soon = soon - overdue
      -- Beside a line it matters little when those few come.
      if soon * 4 > waiting + prioritized + overdue then
        quarters = {}
        for quarter = 1, 3 do
          quarters[quarter] = call('ZCOUNT', delayedKey, '-inf', quartersTo[quarter]) - overdue
        end
      end
    end
    -- A queue with work is sampled again soon, so the next due time is not needed.
    if whole or waiting + prioritized + active == 0 then
      local score = tonumber(call('ZRANGE', delayedKey, 0, 0, 'WITHSCORES')[2])
      -- What is beyond 64 bits is never due, and would be sent as a time long ago.
      nextScore = score and score < 9e18 and math.max(0, score)
    end
  end
  local rare = fields > 1 and whatIsRare(meta, base, active, waiting + prioritized + overdue > 0, fields > 3)
  local heads = fields % 2 == 1 and (waiting > 0 or prioritized > 0) and headsOfLines(base, waiting, prioritized)
  rows[at + 1] = waiting
  rows[at + 2] = prioritized
  rows[at + 3] = active
  rows[at + 4] = delayed
  -- As a number: clients read those several times faster than texts.
  rows[at + 5] = tonumber(call('GET', base .. 'id') or '') or false
  -- In a list of its own, because most queues have none of it in most samples, and each column costs writing and
  -- reading. Most that have some have jobs that are due soon and nothing else: their number, because a list costs a
  -- tenth of the sample.
  if overdue > 0 or quarters or nextScore or rare or heads then
    rows[at + 6] = { overdue, soon, nextScore or false, rare, heads, quarters }
  else
    rows[at + 6] = soon > 0 and soon
  end
  if whole then
    rows[at + 7] = call('ZCARD', base .. 'completed')
    rows[at + 8] = call('ZCARD', base .. 'failed')
    rows[at + 9] = call('EXISTS', meta)
    rows[at + 10] = withTotals and tonumber(call('HGET', base .. 'metrics:completed', 'count') or '') or false
    rows[at + 11] = withTotals and tonumber(call('HGET', base .. 'metrics:failed', 'count') or '') or false
  end
end

local width = whole and 11 or 6
local rows = {}
local count = #KEYS
local at = 1
local function sampleRest()
  for i = at, count do
    at = i
    local own = ARGV[4 + i]
    if own then useHorizon(tonumber(own)) end
    sampleQueue(KEYS[i], string.byte(digits, i) - 48, rows, (i - 1) * width)
  end
  at = count + 1
end
-- One pcall for as many queues as go well: it costs as much as reading a list's length.
while at <= count do
  local ok, failure = pcall(sampleRest)
  if not ok then
    -- A key of another type, or one that the user may not read: this queue's failure, and nobody else's.
    local before = (at - 1) * width
    for column = 1, width do rows[before + column] = false end
    rows[before + 1] = string.sub(type(failure) == 'table' and failure.err or tostring(failure), 1, 200)
    at = at + 1
  end
end
return { string.format('%.0f', nowMs), rows }
