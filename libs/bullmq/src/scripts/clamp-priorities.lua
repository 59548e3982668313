--[[
  Gives some ready jobs of a queue that have no priority, or one that is not declared, a declared one, as BullMQ changes
  a priority: they go behind those that have it, in the order in which they would have been served. Only while the owner
  mark is the one the caller has read.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the owner mark
         2 the mark as read
         3 Redis' time in ms after which nothing is written any more
         4 number of jobs to move at most
         5 the priority of jobs that have none
         then ranges of priorities, in their order: first, last, and the priority that jobs with one of these are given;
         the last range may end with 2097152, above all that BullMQ takes
  Reply  { outcome, jobs moved that had no priority, jobs moved that had another one, 1 when there may be more, Redis'
         time in us when it began }; outcome: done, late, ownershipLost
  Cost   per job 4 commands of O(log n), 5 us; O(log n) per range
  Never  creates a job's hash; changes a job that runs, is delayed or finished
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local most, ofNone = tonumber(ARGV[4]), tonumber(ARGV[5])
local call = redis.call
local prioritized = base .. 'prioritized'
-- include parts/fence.lua
-- include parts/restoring.lua

local time = call('TIME')
local function reply(outcome, fromNone, fromOther, more)
  return { outcome, fromNone, fromOther, more, string.format('%.0f', time[1] * 1e6 + time[2]) }
end
local refused = refusal(KEYS, ARGV[1], { ARGV[2] }, ARGV[3]) or restoreRefusal(KEYS)
if refused then return reply(refused, 0, 0, 0) end

local function declaredFor(priority)
  for i = 6, #ARGV, 3 do
    if priority >= tonumber(ARGV[i]) and priority <= tonumber(ARGV[i + 1]) then return tonumber(ARGV[i + 2]) end
  end
  return priority
end

-- A job with a priority is in the list because it ran before: its worker died, or it was handed back or retried. It goes
-- in front of those with its priority, as BullMQ puts a job that is handed back.
local function scoreOf(priority, inFront)
  if inFront then return priority * 4294967296 end
  return priority * 4294967296 + call('INCR', base .. 'pc') % 4294967296
end

-- Last what makes it another's job: what fails before leaves it where it is.
local function give(id, priority, inFront)
  local key = base .. id
  -- Of another type: no job of BullMQ, which its worker will say.
  if call('EXISTS', key) == 1 then redis.pcall('HSET', key, 'priority', priority) end
  call('ZADD', prioritized, string.format('%.0f', scoreOf(priority, inFront)), id)
end

-- Jobs at the serving end, its right, of a list.
local function moveFromList(list, count)
  local ids = call('LRANGE', list, -count, -1)
  if #ids == 0 then return 0 end
  -- What Redis may refuse comes first: a job that stays in the list after it was given a priority would run twice.
  call('LTRIM', list, 0, -1)
  local moved, failure = 0, nil
  while moved < #ids and not failure do
    local id = ids[#ids - moved]
    -- Of BullMQ before v5: no job.
    if string.sub(id, 1, 2) == '0:' then
      moved = moved + 1
    else
      local job = redis.pcall('HMGET', base .. id, 'priority')
      local priority = not job.err and tonumber(job[1]) or 0
      local ok, result = pcall(give, id, priority > 0 and declaredFor(priority) or ofNone, priority > 0)
      if ok then moved = moved + 1 else failure = result end
    end
  end
  if moved > 0 then call('LTRIM', list, 0, -(moved + 1)) end
  if failure then error(failure, 0) end
  return moved
end

local fromNone, fromOther = 0, 0
-- In which BullMQ before v6 keeps the jobs of a paused queue: they are served first.
for _, list in ipairs({ base .. 'paused', base .. 'wait' }) do
  if fromNone < most then fromNone = fromNone + moveFromList(list, most - fromNone) end
end
for i = 6, #ARGV, 3 do
  local left = most - fromNone - fromOther
  if left > 0 then
    local first, last = tonumber(ARGV[i]) * 4294967296, tonumber(ARGV[i + 1]) * 4294967296 + 4294967295
    local ids = call('ZRANGEBYSCORE', prioritized, string.format('%.0f', first), string.format('%.0f', last), 'LIMIT', 0, left)
    for _, id in ipairs(ids) do give(id, tonumber(ARGV[i + 2]), false) end
    fromOther = fromOther + #ids
  end
end
local moved = fromNone + fromOther
if moved > 0 then
  local held = call('HMGET', meta, 'paused', 'concurrency')
  local maxed = held[2] and call('LLEN', base .. 'active') >= (tonumber(held[2]) or 0)
  -- What idle workers wait for.
  if not held[1] and not maxed then call('ZADD', base .. 'marker', 0, '0') end
end
return reply('done', fromNone, fromOther, moved >= most and 1 or 0)
