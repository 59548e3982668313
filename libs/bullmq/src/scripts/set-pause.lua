--[[
  Pauses or resumes a queue as BullMQ's own script does, while the owner mark is the one the caller has read.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the owner mark
         2 the mark as read; empty: none was there
         3 paused, or resumed
         4 number of jobs at most that a resume moves back from the list in which BullMQ before v6 kept those of a
         paused queue
         5 the digest of the policy as read
  Reply  { jobs left in that list: call again; -1 the mark is another one, nothing was written,
         the digest of the policy as it is now, or 16 question marks when it was another one than the caller has read }
  Cost   O(1), and for a resume O(jobs moved)
  Never  writes another field of `meta`
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/mark.lua
-- include parts/policy-digest.lua
local mark = readableMark(call('HGET', meta, ARGV[1]) or '')
if mark ~= ARGV[2] then return { -1, '' } end
local isAsRead = policyDigest(meta, ARGV[1]) == ARGV[5]
local function reply(left) return { left, isAsRead and policyDigest(meta, ARGV[1]) or NO_DIGEST } end
if ARGV[3] == 'paused' then
  call('HSET', meta, 'paused', 1)
  call('DEL', base .. 'marker')
  call('XADD', base .. 'events', '*', 'event', 'paused')
  return reply(0)
end
local wasPaused = call('HDEL', meta, 'paused') == 1
local left = 0
if call('EXISTS', base .. 'paused') == 1 then
  if call('EXISTS', base .. 'wait') == 0 then
    call('RENAME', base .. 'paused', base .. 'wait')
  else
    local jobs = call('LRANGE', base .. 'paused', 0, tonumber(ARGV[4]) - 1)
    call('RPUSH', base .. 'wait', unpack(jobs))
    call('LTRIM', base .. 'paused', #jobs, -1)
    left = call('LLEN', base .. 'paused')
  end
end
-- Markers are what idle workers wait for: 0 says that a job is there, 1 when the next delayed one is due.
if call('EXISTS', base .. 'wait', base .. 'prioritized') > 0 then
  call('ZADD', base .. 'marker', 0, '0')
else
  local nextScore = tonumber(call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')[2])
  if nextScore then call('ZADD', base .. 'marker', nextScore / 4096, '1') end
end
if wasPaused then call('XADD', base .. 'events', '*', 'event', 'resumed') end
return reply(left)
