-- include parts/paused-line.lua
-- Workers take jobs from the end (right) of a list, which has the oldest; those moved come before those that are there,
-- and keep their order. The number left.
local function moveToFront(from, to, most)
  if call('LLEN', from) == 0 then return 0 end
  if call('EXISTS', to) == 0 then
    call('RENAME', from, to)
    return 0
  end
  local jobs = call('LRANGE', from, 0, most - 1)
  call('RPUSH', to, unpack(jobs))
  call('LTRIM', from, #jobs, -1)
  return call('LLEN', from)
end

-- The same behind those that are there.
local function moveToBack(from, to, most)
  local jobs = call('LRANGE', from, -most, -1)
  local oldestFirst = {}
  for i = #jobs, 1, -1 do oldestFirst[#oldestFirst + 1] = jobs[i] end
  if #jobs > 0 then call('LPUSH', to, unpack(oldestFirst)) end
  call('LTRIM', from, 0, -#jobs - 1)
  return call('LLEN', from)
end

-- When the job at that place was added; nothing where nobody can say.
local function addedMs(base, list, index)
  local id = call('LINDEX', base .. list, index)
  local text = id and redis.pcall('HGET', base .. id, 'timestamp')
  return type(text) == 'string' and tonumber(text) or nil
end

-- Jobs that clients of BullMQ 6 add to a paused queue are newer than those in `paused`. Only those that waited before a
-- client of BullMQ 5 began to add to `paused` are older.
local function moveToPaused(base, most)
  local newestWaiting, oldestPaused = addedMs(base, 'wait', 0), addedMs(base, 'paused', -1)
  local areOlder = newestWaiting and oldestPaused and newestWaiting < oldestPaused
  local move = (areOlder or call('EXISTS', base .. 'paused') == 0) and moveToFront or moveToBack
  return move(base .. 'wait', base .. 'paused', most)
end

-- As BullMQ's own script pauses a queue; the number of jobs that are left to move.
local function pauseQueue(base, most)
  local isNew = call('HSET', base .. 'meta', 'paused', 1) == 1
  call('DEL', base .. 'marker')
  if isNew then call('XADD', base .. 'events', '*', 'event', 'paused') end
  local isApart = keepsPausedApart(call('HGET', base .. 'meta', 'version'), base)
  return isApart and moveToPaused(base, most) or 0
end

-- As BullMQ's own script resumes a queue; the number of jobs that are left to move.
local function resumeQueue(base, most)
  local wasPaused = call('HDEL', base .. 'meta', 'paused') == 1
  local left = moveToFront(base .. 'paused', base .. 'wait', most)
  -- Markers are what idle workers wait for: 0 says that a job is there, 1 when the next delayed one is due.
  if call('EXISTS', base .. 'wait', base .. 'prioritized') > 0 then
    call('ZADD', base .. 'marker', 0, '0')
  else
    local nextScore = tonumber(call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')[2])
    if nextScore then call('ZADD', base .. 'marker', nextScore / 4096, '1') end
  end
  if wasPaused then call('XADD', base .. 'events', '*', 'event', 'resumed') end
  return left
end
