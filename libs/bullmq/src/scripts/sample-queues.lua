--[[
  Samples queues, all in one instant.

  KEYS   the `meta` key of each queue; its other keys share the text before `meta`
  ARGV   1 field of the owner mark in `meta`
         2 horizon in ms: delayed jobs due within it are counted as due soon
         3 1: also read the totals that workers with `metrics` keep
  Reply  { Redis' time in ms, { sample of KEYS[1], ... } }; a sample's order is read by sample.ts
  Cost   per queue 11 to 20 reads of O(1) or O(log n), 30 to 50 us; 8 more hash reads when the jobs next in line are retries
  Never  writes; reads a list, set or stream as a whole
]]
local ownerField, horizon = ARGV[1], tonumber(ARGV[2])
local withTotals = ARGV[3] == '1'
local call = redis.call
local time = call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
-- A delayed job's score is its due time in ms * 4096 plus a tie-breaker below 4096.
local overdueTo = string.format('%.0f', nowMs * 4096 + 4095)
local soonFrom = '(' .. overdueTo
local soonLimit = (nowMs + horizon) * 4096 + 4095
local soonTo = string.format('%.0f', soonLimit)

-- The first of these jobs that never ran (ats absent or 0): its timestamp, attempts started and options.
local function firstFresh(base, ids, from, to, step)
  for i = from, to, step do
    local job = call('HMGET', base .. ids[i], 'timestamp', 'ats', 'opts')
    if job[1] and (not job[2] or job[2] == '0') then return job end
  end
  return {}
end

local samples = {}
for i, meta in ipairs(KEYS) do
  local base = string.sub(meta, 1, -5)
  local delayedKey = base .. 'delayed'
  local waiting = call('LLEN', base .. 'wait')
  local prioritized = call('ZCARD', base .. 'prioritized')
  local delayed = call('ZCARD', delayedKey)
  local policy = call('HMGET', meta, 'paused', 'max', 'duration', 'concurrency', ownerField, 'version')
  local texts = call('MGET', base .. 'id', base .. 'limiter')
  local overdue, soon, limitedFor, totals = 0, 0, 0, {}
  if delayed > 0 then
    texts[3] = call('ZRANGE', delayedKey, 0, 0, 'WITHSCORES')[2]
    -- Sorted by due time: when the first is not due within the horizon, none is.
    if tonumber(texts[3]) <= soonLimit then
      overdue = call('ZCOUNT', delayedKey, '-inf', overdueTo)
      soon = call('ZCOUNT', delayedKey, soonFrom, soonTo)
    end
  end
  if texts[2] then limitedFor = call('PTTL', base .. 'limiter') end
  local heads = {}
  if waiting > 0 then
    local ids = call('LRANGE', base .. 'wait', -5, -1)
    heads[#heads + 1] = firstFresh(base, ids, #ids, 1, -1)
  end
  if prioritized > 0 then
    local ids = call('ZRANGE', base .. 'prioritized', 0, 4)
    heads[#heads + 1] = firstFresh(base, ids, 1, #ids, 1)
  end
  if withTotals then
    totals = { call('HGET', base .. 'metrics:completed', 'count'), call('HGET', base .. 'metrics:failed', 'count') }
  end
  samples[i] = {
    {
      waiting, prioritized, call('LLEN', base .. 'active'), delayed, overdue, soon,
      call('ZCARD', base .. 'completed'), call('ZCARD', base .. 'failed'),
      call('ZCARD', base .. 'waiting-children'), call('LLEN', base .. 'paused'),
      limitedFor, call('EXISTS', meta),
    },
    policy, texts, heads, totals,
  }
end
return { string.format('%.0f', nowMs), samples }
