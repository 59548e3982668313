--[[
  Removes some jobs of a queue, and with the last of them the queue's own keys, its owner mark included; only while the
  owner mark is the given one. One round of a removal: everything that decides is checked again in every round.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the owner mark
         2 the mark that this removal has set
         3 number of jobs to remove at most
         4 what stops it: `unfinished` jobs, that is all but completed ones; `busy`: active jobs and flow parents that
         wait for children; `nothing`
         5 Redis' time in ms after which nothing is removed any more
         6 owner whose removal it is: the claim of another stops it; empty: no claim does
         7 field of the claims, as leave-claim.lua writes it
         8 ms from now after which no claim expires: one that says so is none
         9 claims that count at most, the first
         10 and more: claims, as they are stored, that do not count, because who left them is gone
  Reply  { outcome, jobs removed now, jobs left that a removal still has to remove or is stopped by }
         outcome: done, more, late, ownershipLost, claimed, unfinishedJobs, activeJobs, waitingChildren; nothing is removed unless
         it is done or more; an error may come after some were removed
  Cost   19 reads of O(1); per job 3 to 6 commands of O(1), about 5 us, and up to 9 for a child of a flow; long lists and
         sets are freed in the background, and what jobs carry at 16 MB per round at most, or one job
  Never  touches another queue, save a flow parent there that waits for a removed job: it stops waiting for it, as when
         BullMQ removes a job
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local budget, stop = tonumber(ARGV[3]), ARGV[4]
local call = redis.call
-- include parts/claims.lua
-- include parts/fence.lua
-- include parts/line.lua

-- include parts/own-keys.lua
-- In the order of removal: parents before their children, which would move them to wait.
local SETS = { ['waiting-children'] = true, delayed = true, completed = true, prioritized = true, failed = true }
local STATES = { 'waiting-children', 'active', 'delayed', 'completed', 'wait', 'paused', 'prioritized', 'failed' }
-- What a restore has not put in its place yet.
for _, state in ipairs({ 'waiting-children', 'active', 'delayed', 'completed', 'waiting', 'prioritized', 'failed', 'held' }) do
  STATES[#STATES + 1] = 'restore:' .. state
  SETS['restore:' .. state] = true
end

local function size(state) return call(SETS[state] and 'ZCARD' or 'LLEN', base .. state) end

local function sizes()
  local all = 0
  for _, state in ipairs(STATES) do all = all + size(state) end
  return all
end

-- What `f` returns; nothing when a key is of another type than BullMQ gives it: then there is nothing of BullMQ there.
local function ofType(f, ...)
  local ok, result = pcall(f, ...)
  if ok then return result end
  if not string.find(type(result) == 'table' and result.err or tostring(result), 'WRONGTYPE', 1, true) then error(result, 0) end
end

-- The parent, perhaps in another queue, does not wait for this job any more. Tries first what Redis may refuse: after a
-- refusal, the job is still one that the parent waits for.
local function releaseParent(parentKey, jobKey)
  local dependencies = parentKey .. ':dependencies'
  if call('SISMEMBER', dependencies, jobKey) == 0 then return end
  local parentId = string.match(parentKey, '.*:(.*)')
  local parentBase = string.sub(parentKey, 1, #parentKey - #parentId)
  if call('SCARD', dependencies) == 1 and call('ZSCORE', parentBase .. 'waiting-children', parentId) then
    local line = lineOf(parentBase)
    call('RPUSH', line.list, parentId)
    call('ZREM', parentBase .. 'waiting-children', parentId)
    if not line.silent then call('ZADD', parentBase .. 'marker', 0, '0') end
  end
  call('SREM', dependencies, jobKey)
end

-- Returns the bytes of its data. A key of another type, which some producer wrote, goes as the job's would.
local function removeJob(id)
  if OWN[id] then return 0 end
  local key = base .. id
  local bytes = ofType(call, 'HSTRLEN', key, 'data') or 0
  local job = ofType(call, 'HMGET', key, 'parentKey', 'deid') or {}
  if job[1] and string.find(job[1], ':', 1, true) and call('EXISTS', job[1]) == 1 then ofType(releaseParent, job[1], key) end
  if job[2] then
    local deduplication = base .. 'de:' .. job[2]
    if ofType(call, 'GET', deduplication) == id then call('UNLINK', deduplication, base .. 'dn:' .. job[2]) end
  end
  call('UNLINK', key, key .. ':lock', key .. ':logs', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful')
  return bytes
end

-- Whether another has a claim that stands.
local function isClaimed()
  local time = call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local claims = ARGV[6] ~= '' and call('HGET', meta, ARGV[7]) or ''
  local ignored = {}
  for i = 10, #ARGV do ignored[ARGV[i]] = true end
  for _, claim in ipairs(standingClaims(claims, now, tonumber(ARGV[9]), tonumber(ARGV[8]))) do
    if claim.owner ~= ARGV[6] and not ignored[claim.line] then return true end
  end
  return false
end

local refused = refusal(KEYS, ARGV[1], { ARGV[2] }, ARGV[5])
if refused then return { refused, 0, 0 } end
if isClaimed() then return { 'claimed', 0, 0 } end
-- A list or set of another type, whose jobs cannot be told, stops the removal before it begins.
sizes()
call('ZCARD', base .. 'repeat')
if stop == 'unfinished' then
  local left = sizes() - size('completed')
  if left > 0 then return { 'unfinishedJobs', 0, left } end
elseif stop == 'busy' then
  if size('active') > 0 then return { 'activeJobs', 0, size('active') } end
  if size('waiting-children') > 0 then return { 'waitingChildren', 0, size('waiting-children') } end
end

local left, removed, bytes = budget, 0, 0
for _, state in ipairs(STATES) do
  if left > 0 then
    local key = base .. state
    local ids = SETS[state] and call('ZRANGE', key, 0, left - 1) or call('LRANGE', key, 0, left - 1)
    local count, failure = 0, nil
    while count < #ids and bytes < 16e6 and not failure do
      local ok, result = pcall(removeJob, ids[count + 1])
      if ok then count, bytes = count + 1, bytes + result else failure = result end
    end
    if count > 0 then
      if SETS[state] then call('ZREMRANGEBYRANK', key, 0, count - 1) else call('LTRIM', key, count, -1) end
    end
    -- After what was removed has left the list: no job that is left there has lost its data.
    if failure then error(failure, 0) end
    removed = removed + count
    left = bytes < 16e6 and left - count or 0
  end
end
if left > 0 then
  local schedulers = call('ZRANGE', base .. 'repeat', 0, left - 1)
  for i = 1, #schedulers do call('UNLINK', base .. 'repeat:' .. schedulers[i]) end
  if #schedulers > 0 then call('ZREMRANGEBYRANK', base .. 'repeat', 0, #schedulers - 1) end
  left = left - #schedulers
end
if left == 0 then return { 'more', removed, sizes() } end
for suffix in pairs(OWN) do call('UNLINK', base .. suffix) end
return { 'done', removed, 0 }
