--[[
  Runs failed jobs again, or moves them to the dead-letter queue, each if it is still the failed job that was decided on.
  A dead letter is the job itself under another key, in the dead-letter queue's `failed`, which no worker runs and whose
  order is that of finishedOn.

  KEYS   1 meta of the queue, 2 meta of its dead-letter queue; the queues' other keys share the text before `meta`
  ARGV   1 field of the owner mark, 2 and 3 the marks of the two queues as read
         4 Redis' time in ms after which nothing is done
         5 most bytes of stack traces that a dead letter keeps, 6 most bytes of longer ones to read
         then per job, those to move first, as they find room in a full Redis: retry or move, its id, the id of its dead letter, its finishedOn and its attempts made
  Reply  { done, jobs that run again, jobs moved, jobs that are others by now or for the next call }; or { late } or { ownershipLost }: nothing
         was done
  Cost   per job 10 to 14 commands of O(1) or O(log n), about 25 us, whatever it carries; 100 jobs about 3 ms
  Never  touches a job that has left `failed` or failed again since, nor one that belongs to a flow; overwrites a dead
         letter
]]
local call = redis.call
-- include parts/fence.lua
-- include parts/restoring.lua
-- include parts/events.lua
-- include parts/line.lua
-- include parts/deduplication.lua
local base, dead = string.sub(KEYS[1], 1, -5), string.sub(KEYS[2], 1, -5)
local refused = refusal(KEYS, ARGV[1], { ARGV[2], ARGV[3] }, ARGV[4]) or restoreRefusal(KEYS)
if refused then return { refused } end
local longestStack, bytesLeft, freed = tonumber(ARGV[5]), tonumber(ARGV[6]), 0
local failed, letters = base .. 'failed', dead .. 'failed'
-- A key of another type stops this before anything is written.
local line = openLine(base)
call('ZCARD', letters)
call('XLEN', dead .. 'events')

local function isAsDecided(id, finishedOn, attemptsMade)
  if call('ZSCORE', failed, id) ~= finishedOn then return false end
  local key = base .. id
  local job = call('HMGET', key, 'finishedOn', 'atm')
  return job[1] == finishedOn and (job[2] or '') == attemptsMade and call('HEXISTS', key, 'parentKey') == 0
    and call('EXISTS', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful') == 0
end

-- Most jobs keep their stack traces as they are. Of what is longer the newest traces are kept that fit, as the JSON array
-- that BullMQ has; beyond what a call may read, none.
local function shorten(key)
  local length = call('HSTRLEN', key, 'stacktrace')
  if length <= longestStack then return end
  freed = freed + length
  local kept = '[]'
  if length <= bytesLeft then
    bytesLeft = bytesLeft - length
    local stack = call('HGET', key, 'stacktrace')
    local from = string.find(stack, '","', length - longestStack, true)
    if from then kept = '[' .. string.sub(stack, from + 2) end
  end
  call('HSET', key, 'stacktrace', kept)
end

local function move(id, letter, finishedOn)
  -- The id is taken when the same job was added and died again within a millisecond.
  local free = letter
  for n = 2, 9 do
    if call('EXISTS', dead .. free) == 0 then break end
    free = letter .. '.' .. n
  end
  local from, to = base .. id, dead .. free
  if call('RENAMENX', from, to) == 0 then return false end
  call('ZADD', letters, finishedOn, free)
  call('ZREM', failed, id)
  call('HSET', to, 'redis-queue:origin', id)
  shorten(to)
  if call('EXISTS', from .. ':logs') == 1 then call('RENAME', from .. ':logs', to .. ':logs') end
  local deduplication = call('HGET', to, 'deid')
  if deduplication then endDeduplication(base, id, deduplication) end
  emit(base, 'removed', id, 'prev', 'failed')
  emit(dead, 'added', free, 'name', nameOf(to))
  return true
end

local function retry(id)
  local key = base .. id
  call('HINCRBY', key, 'redis-queue:retries', 1)
  call('ZREM', failed, id)
  call('HDEL', key, 'finishedOn', 'processedOn', 'failedReason')
  putInLine(line, id)
  emit(base, 'waiting', id, 'prev', 'failed')
end

local retried, moved, others = 0, 0, 0
for i = 7, #ARGV, 5 do
  local id, finishedOn = ARGV[i + 1], ARGV[i + 3]
  -- What long stack traces took is freed at once, which takes time as well: the rest is for the next call.
  if freed >= 16e6 or not isAsDecided(id, finishedOn, ARGV[i + 4]) then
    others = others + 1
  elseif ARGV[i] == 'retry' then
    retry(id)
    retried = retried + 1
  elseif move(id, ARGV[i + 2], finishedOn) then
    moved = moved + 1
  else
    others = others + 1
  end
end
return { 'done', retried, moved, others }
