-- include parts/paused-line.lua
-- Workers take jobs from the end: those moved, which keep their order, come before those that are there. The number left.
local function moveJobs(from, to, most)
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

-- As BullMQ's own script pauses a queue; the number of jobs that are left to move.
local function pauseQueue(base, most)
  local isNew = call('HSET', base .. 'meta', 'paused', 1) == 1
  call('DEL', base .. 'marker')
  if isNew then call('XADD', base .. 'events', '*', 'event', 'paused') end
  local isApart = keepsPausedApart(call('HGET', base .. 'meta', 'version'), base)
  return isApart and moveJobs(base .. 'wait', base .. 'paused', most) or 0
end

-- As BullMQ's own script resumes a queue; the number of jobs that are left to move.
local function resumeQueue(base, most)
  local wasPaused = call('HDEL', base .. 'meta', 'paused') == 1
  local left = moveJobs(base .. 'paused', base .. 'wait', most)
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
