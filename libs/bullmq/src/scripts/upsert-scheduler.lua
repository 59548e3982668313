--[[
  Brings one job scheduler to its definition, as BullMQ's addJobScheduler does, while the owner mark is the one the caller
  has read. A scheduler that is as it should be is left alone. A run that is due is never lost, and one that is not due
  keeps its time unless the times of the schedule change: its job is given the new template where it lies.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the owner mark
         2 the mark as read
         3 Redis' time in ms after which nothing is written any more
         4 field of the list of schedulers
         5 owner of the list
         6 the scheduler's name: letters, digits, dots, dashes and underscores
         7 the schedule's first run from now, or after the time that an earlier call asked for, Unix ms
         8 name of its jobs
         9 data of its jobs, as JSON
         10 options of its jobs, as JSON: an object that has at least one field
         11 priority of its jobs; 0: none
         12 and more: the fields of the definition that are not empty, each with its value
  Reply  { outcome, ms }; outcome: done; late, ownershipLost: nothing was written; again: nothing was written, call with
         the first run after `ms`
  Cost   30 commands of O(1) or O(log n), about 40 us, and what the texts take; UNLINK of one job
  Never  touches a job that a worker has taken, or another scheduler; takes a job out of a line
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/delayed.lua
-- include parts/events.lua
-- include parts/fence.lua
-- include parts/schedulers.lua
-- include parts/scheduler-list.lua

local refused = refusal(KEYS, ARGV[1], { ARGV[2] }, ARGV[3])
if refused then return { refused, 0 } end
local scheduler, offered, jobName, data, jobOpts = ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9], ARGV[10]
local schedulerKey, delayed = base .. 'repeat:' .. scheduler, base .. 'delayed'
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local wanted, bytes, sameTimes = {}, 0, true
for i = 12, #ARGV, 2 do
  wanted[ARGV[i]] = ARGV[i + 1]
  bytes = bytes + #ARGV[i + 1]
end
for _, field in ipairs({ 'pattern', 'tz', 'every' }) do
  local stored = call('HSTRLEN', schedulerKey, field) > 256 and 'long' or call('HGET', schedulerKey, field) or nil
  if stored ~= wanted[field] then sameTimes = false end
end
local expected = {}
for i, field in ipairs(DEFINITION) do expected[i] = wanted[field] and #wanted[field] .. ':' .. wanted[field] or '-' end
local due = dueOf(base, scheduler)
local state = due and runState(schedulerKey .. ':' .. due) or 'gone'
local unfinished = state == 'pending' or state == 'taken'
local known = call('HEXISTS', schedulerKey, 'ic') == 1
if known and unfinished and definitionOf(schedulerKey, bytes) == table.concat(expected, ' ') then
  noteScheduler(meta, ARGV[4], ARGV[5], scheduler, true)
  return { 'done', 0 }
end

local millis = due
local isDue = due and tonumber(due) <= now
local stays = state == 'pending' and ((known and sameTimes) or isDue)
if not stays then
  -- By the clock of a worker a run may have been due that is not yet by this one: it does not run twice.
  local after = (state == 'taken' or state == 'over') and math.max(now, tonumber(due)) or now
  if offered <= after then return { 'again', after } end
  millis = string.format('%.0f', offered)
  stays = state == 'pending' and millis == due
  if not stays and call('EXISTS', schedulerKey .. ':' .. millis) == 1 then return { 'again', offered } end
end

-- Reads first, and thereby finds keys of another type, before anything is written; then what Redis may refuse.
local jobKey, jobId = schedulerKey .. ':' .. millis, 'repeat:' .. scheduler .. ':' .. millis
call('ZCARD', delayed)
call('ZCARD', base .. 'marker')
call('XLEN', base .. 'events')
local isDelayed = call('ZSCORE', delayed, jobId)
call('INCRBY', base .. 'id', stays and 0 or 1)
if not stays and state == 'pending' and call('ZREM', delayed, 'repeat:' .. scheduler .. ':' .. due) == 1 then
  local former = schedulerKey .. ':' .. due
  call('UNLINK', former, former .. ':logs')
  emit(base, 'removed', 'repeat:' .. scheduler .. ':' .. due, 'prev', 'delayed')
end

-- The job of the next run. It is ready at `millis`; one that stays and is due was ready then.
local ready = tonumber(millis)
local timestamp = math.min(now, ready)
local opts = string.format(
  '%s,"jobId":"%s","prevMillis":%s,"repeatJobKey":"%s","delay":%.0f,"timestamp":%.0f}',
  string.sub(jobOpts, 1, -2), jobId, millis, scheduler, ready - timestamp, timestamp
)
call('HSET', jobKey, 'name', jobName, 'data', data, 'opts', opts, 'rjk', scheduler)
-- One that is in a line already stays where its former priority has put it.
if not stays or isDelayed then
  call('HSET', jobKey, 'timestamp', timestamp, 'delay', ready - timestamp, 'priority', ARGV[11])
end
if not stays then
  call('ZADD', delayed, delayedScore(base, ready), jobId)
  emit(base, 'added', jobId, 'name', jobName)
  emit(base, 'delayed', jobId, 'delay', string.format('%.0f', ready))
  -- What idle workers wait for: when the next delayed job is due.
  local nextScore = tonumber(call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2])
  call('ZADD', base .. 'marker', string.format('%.17g', nextScore / 4096), '1')
  call('ZADD', base .. 'repeat', millis, scheduler)
end
for _, field in ipairs(DEFINITION) do
  if wanted[field] then call('HSET', schedulerKey, field, wanted[field]) else call('HDEL', schedulerKey, field) end
end
if not sameTimes then call('HDEL', schedulerKey, 'offset') end
call('HSETNX', schedulerKey, 'offset', 0)
call('HSETNX', schedulerKey, 'ic', 1)
noteScheduler(meta, ARGV[4], ARGV[5], scheduler, true)
return { 'done', 0 }
