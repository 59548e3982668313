--[[
  Pauses or resumes a queue as BullMQ's own script does, while the owner mark is the one the caller has read. Unless its
  clients are of BullMQ 6, the jobs of a paused queue are kept where those before it look for them.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the owner mark
         2 the mark as read; empty: none was there
         3 paused, or resumed
         4 number of jobs at most to move between `wait` and `paused`, where BullMQ before v6 keeps those of a paused queue
         5 the digest of the policy as read
  Reply  { jobs left to move: call again; -1 the mark is another one, nothing was written,
         the digest of the policy as it is now, or 16 question marks when it was another one than the caller has read }
  Cost   O(1), and O(jobs moved) when there are jobs in both lists
  Never  writes another field of `meta`
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/mark.lua
-- include parts/policy-digest.lua
-- include parts/paused-line.lua
local mark = readableMark(call('HGET', meta, ARGV[1]) or '')
if mark ~= ARGV[2] then return { -1, '' } end
local isAsRead = policyDigest(meta, ARGV[1]) == ARGV[5]
local function reply(left) return { left, isAsRead and policyDigest(meta, ARGV[1]) or NO_DIGEST } end
-- Workers take jobs from the end: those moved, which keep their order, come before those that are there. The number left.
local function moveJobs(from, to)
  if call('LLEN', from) == 0 then return 0 end
  if call('EXISTS', to) == 0 then
    call('RENAME', from, to)
    return 0
  end
  local jobs = call('LRANGE', from, 0, tonumber(ARGV[4]) - 1)
  call('RPUSH', to, unpack(jobs))
  call('LTRIM', from, #jobs, -1)
  return call('LLEN', from)
end
local wait, apart = base .. 'wait', base .. 'paused'
if ARGV[3] == 'paused' then
  local isNew = call('HSET', meta, 'paused', 1) == 1
  call('DEL', base .. 'marker')
  if isNew then call('XADD', base .. 'events', '*', 'event', 'paused') end
  return reply(keepsPausedApart(call('HGET', meta, 'version'), base) and moveJobs(wait, apart) or 0)
end
local wasPaused = call('HDEL', meta, 'paused') == 1
local left = moveJobs(apart, wait)
-- Markers are what idle workers wait for: 0 says that a job is there, 1 when the next delayed one is due.
if call('EXISTS', wait, base .. 'prioritized') > 0 then
  call('ZADD', base .. 'marker', 0, '0')
else
  local nextScore = tonumber(call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')[2])
  if nextScore then call('ZADD', base .. 'marker', nextScore / 4096, '1') end
end
if wasPaused then call('XADD', base .. 'events', '*', 'event', 'resumed') end
return reply(left)
