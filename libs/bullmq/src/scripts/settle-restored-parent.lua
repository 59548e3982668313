--[[
  Settles what a restored flow parent waits for: one child that is over or absent, because the queues of a flow were read
  one after the other; or nothing, when its last child was detached. A child that is absent has gone as BullMQ removes one:
  the parent does not wait for it. One that is over does for the parent what BullMQ does when it ends.

  KEYS   1 meta of the parent's queue; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore
         3 id of the parent
         4 key of the child; empty: none is left
  Reply  released, settled (others are left), waits (the child is neither), or lost: nothing was written
  Cost   15 commands of O(1) or O(log n), and what the child returned
  Never  releases a parent that waits for a child that is there and not over
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/restore-mark.lua
-- include parts/delayed.lua
-- include parts/line.lua
local id, _, phase = restoreOf(meta, ARGV[1])
if id ~= ARGV[2] or (phase ~= 'placed' and phase ~= 'held') then return 'lost' end
local parent, child = ARGV[3], ARGV[4]
local parentKey, waiting = base .. parent, base .. 'waiting-children'
local dependencies = parentKey .. ':dependencies'

-- As BullMQ's moveParentToWait.
local function release()
  if call('ZREM', waiting, parent) == 0 then return 'settled' end
  local job = call('HMGET', parentKey, 'priority', 'delay')
  local priority, delay = tonumber(job[1] or '') or 0, tonumber(job[2] or '') or 0
  local time = call('TIME')
  if delay > 0 then
    call('ZADD', base .. 'delayed', delayedScore(base, time[1] * 1000 + math.floor(time[2] / 1000) + delay), parent)
  elseif priority > 0 then
    call('ZADD', base .. 'prioritized', string.format('%.0f', priority * 4294967296 + call('INCR', base .. 'pc') % 4294967296), parent)
  else
    call('RPUSH', lineOf(base).list, parent)
  end
  return 'released'
end
local function releaseIfLast() return call('SCARD', dependencies) == 0 and release() or 'settled' end

if child == '' then return call('SCARD', dependencies) == 0 and release() or 'waits' end
if call('SISMEMBER', dependencies, child) == 0 then return releaseIfLast() end
if call('EXISTS', child) == 0 then
  call('SREM', dependencies, child)
  return releaseIfLast()
end
local childBase, childId = string.match(child, '^(.*:)([^:]*)$')
if call('ZSCORE', childBase .. 'completed', childId) then
  call('HSET', parentKey .. ':processed', child, call('HGET', child, 'returnvalue') or 'null')
  call('SREM', dependencies, child)
  return releaseIfLast()
end
local failedAt = call('ZSCORE', childBase .. 'failed', childId)
if not failedAt then return 'waits' end
local job = call('HMGET', child, 'parent', 'failedReason')
local ok, link = pcall(cjson.decode, job[1] or '')
if not ok or type(link) ~= 'table' then return 'waits' end
if link.fpof then
  call('ZADD', parentKey .. ':unsuccessful', failedAt, child)
  call('HSET', parentKey, 'defa', 'child ' .. child .. ' failed')
  call('SREM', dependencies, child)
  return release()
elseif link.cpof or link.idof then
  call('HSET', parentKey .. ':failed', child, job[2] or '')
  call('SREM', dependencies, child)
  return link.cpof and release() or releaseIfLast()
elseif link.rdof then
  call('SREM', dependencies, child)
  return releaseIfLast()
end
return 'waits'
