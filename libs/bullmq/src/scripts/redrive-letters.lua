--[[
  Puts dead letters back into their queue as new jobs: no attempt made, in line by their priority. Counts them in the
  same step, so that the count is right whoever crashes.

  KEYS   1 meta of the queue, 2 meta of its dead-letter queue; the queues' other keys share the text before `meta`
         3 progress of the redrive
  ARGV   1 field of the owner mark, 2 and 3 the marks of the two queues as read
         4 Redis' time in ms after which nothing is done
         5 name of the redrive, 6 most letters per second of Redis' clock, 0 unlimited
         7 how long the progress is kept, ms
         8 most letters that this redrive puts back in all, 0 unlimited
         then per letter its id and its finishedOn
  Reply  { done, letters put back by this redrive in all, ms until more may be, outcome of each letter }, its outcome
         redriven, exists (a job of its id is in the queue), foreign (no letter of ours), again (this redrive put it back
         before, and it died again), gone, limited, or enough (as many as it may are back); or { late }, or { ownershipLost }, also where a restore fills one of the
         queues: nothing was done
  Cost   per letter 12 commands of O(1) or O(log n), about 30 us, whatever it carries; 100 about 3 ms
  Never  overwrites a job; puts a letter back twice
]]
local call = redis.call
-- include parts/fence.lua
-- include parts/restoring.lua
-- include parts/events.lua
-- include parts/line.lua
local base, dead = string.sub(KEYS[1], 1, -5), string.sub(KEYS[2], 1, -5)
local progress, name, perSecond, most = KEYS[3], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[8])
local metas = { KEYS[1], KEYS[2] }
local refused = refusal(metas, ARGV[1], { ARGV[2], ARGV[3] }, ARGV[4]) or restoreRefusal(metas)
if refused then return { refused } end
local letters = dead .. 'failed'
local line = openLine(base)
call('ZCARD', letters)
call('XLEN', dead .. 'events')
local time = call('TIME')
local nowMs = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local state = call('HMGET', progress, 'redriven', 'second', 'used')
local total, used = tonumber(state[1] or '') or 0, state[2] == time[1] and tonumber(state[3]) or 0
local limited = false

local function redrive(letter, finishedOn)
  local from = dead .. letter
  if call('ZSCORE', letters, letter) ~= finishedOn then return 'gone' end
  local job = call('HMGET', from, 'redis-queue:origin', 'redis-queue:redrive')
  if not job[1] then return 'foreign' end
  if job[2] == name then return 'again' end
  if most > 0 and total >= most then return 'enough' end
  if perSecond > 0 and used >= perSecond then
    limited = true
    return 'limited'
  end
  local to = base .. job[1]
  if call('RENAMENX', from, to) == 0 then return 'exists' end
  call('ZREM', letters, letter)
  -- As a new job: else its runs would count on, its first stall be its last, and its wait be days.
  call('HDEL', to, 'finishedOn', 'processedOn', 'failedReason', 'atm', 'ats', 'stc', 'defa', 'pb', 'redis-queue:origin', 'redis-queue:retries')
  call('HSET', to, 'timestamp', nowMs, 'delay', 0, 'redis-queue:redrive', name)
  putInLine(line, job[1])
  if call('EXISTS', from .. ':logs') == 1 then call('RENAME', from .. ':logs', to .. ':logs') end
  emit(dead, 'removed', letter, 'prev', 'failed')
  emit(base, 'added', job[1], 'name', nameOf(to))
  -- Who reads both queues one after the other finds by this what came back to the one that was read.
  emit(base, 'waiting', job[1], 'prev', 'failed')
  total, used = total + 1, used + 1
  return 'redriven'
end

local outcomes = {}
for i = 9, #ARGV, 2 do outcomes[#outcomes + 1] = redrive(ARGV[i], ARGV[i + 1]) end
call('HSET', progress, 'redriven', total, 'second', time[1], 'used', used)
call('PEXPIRE', progress, ARGV[7])
return { 'done', total, limited and 1000 - math.floor(time[2] / 1000) or 0, outcomes }
