--[[
  Removes some of the oldest finished jobs of a queue, while the owner mark is the one the caller has read. One step of
  retention.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the owner mark
         2 the mark as read
         3 Redis' time in ms after which nothing is removed any more
         4 `completed` or `failed`
         5 jobs that finished at least this many ms ago by Redis' clock; empty: whenever they finished
         6 number of jobs at most to look at
         7 bytes after which it ends; empty: none
         8, 9 where to go on: a finishedOn in ms, and number of jobs with this one that are passed over; `-inf` and 0 at
         first
         10 1: failed jobs that may become dead letters are left to who moves them: all but those of flows
  Reply  { outcome, jobs removed, bytes freed, jobs left in place, 1 when there is more, where to go on as in ARGV 8 and
         9, Redis' time in us when it began }; outcome: done, late, ownershipLost; nothing is removed unless it is done
         Left in place are: what ARGV 10 says; a failed child of a parent that is not finished, which may wait for the
         child's retry; a parent with children that are not finished; what is no finished job or finished at another
         time, such as a job that was added again; and what the caller's user may not read
  Cost   O(log n), and 8 us per job looked at; ends after 16 MB, of which Redis frees 1 MB in 65 us; a job over 8 MB, and
         lists and sets of over 64 elements, are freed in the background
  Never  removes an unfinished job, moves a parent, or ends a deduplication before its time
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local state, age, most = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local bytesLeft = math.min(tonumber(ARGV[7]) or 16e6, 16e6)
local fromScore, skip, leavesCandidates = ARGV[8], tonumber(ARGV[9]), ARGV[10] == '1'
local call, pcall_ = redis.call, redis.pcall
local set = base .. state
-- include parts/fence.lua
-- include parts/restoring.lua

local time = call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local function reply(outcome, removed, freed, left, more)
  return { outcome, removed, string.format('%.0f', freed), left, more, fromScore, skip, string.format('%.0f', time[1] * 1e6 + time[2]) }
end
local refused = refusal(KEYS, ARGV[1], { ARGV[2] }, ARGV[3]) or restoreRefusal(KEYS)
if refused then return reply(refused, 0, 0, 0, 0) end

-- The last ones say that a job is a parent. One that has unsuccessful children does not complete.
local PARTS = { ':logs', ':dependencies', ':processed', ':failed' }
if state == 'failed' then PARTS[5] = ':unsuccessful' end

-- Of 64 elements at most, as many as Redis frees at once; 0 where there is none.
local function sizeOf(key) return call('MEMORY', 'USAGE', key, 'SAMPLES', 64) or 0 end

-- An unfinished parent, perhaps in another queue, may still want its failed child.
local function isWantedByParent(parentKey)
  local parent = pcall_('HMGET', parentKey, 'finishedOn', 'timestamp')
  if parent.err then return not string.find(parent.err, 'WRONGTYPE', 1, true) end
  return parent[2] and not parent[1]
end

-- A hash of more fields is freed in the background. Redis may have no memory for them: then it is freed at once.
local function makeLong(key)
  local fields = {}
  for i = 1, 65 do
    fields[2 * i - 1] = '~' .. i
    fields[2 * i] = ''
  end
  pcall_('HSET', key, unpack(fields))
end

-- include parts/deduplication.lua

local rows = call('ZRANGEBYSCORE', set, fromScore, age and string.format('%.0f', nowMs - age) or '+inf', 'WITHSCORES', 'LIMIT', skip, most)
local removed, left, freed, at = 0, 0, 0, 1

local function leave(score)
  left = left + 1
  if score == fromScore then skip = skip + 1 else fromScore, skip = score, 1 end
end

-- What is looked at together, so that most jobs, which have no parts, cost one look for all their parts.
local CHUNK = 50
while at <= #rows and freed < bytesLeft do
  local last = math.min(at + 2 * CHUNK - 1, #rows)
  local parts = {}
  for i = at, last, 2 do
    local key = base .. rows[i]
    for n = 1, #PARTS do parts[#parts + 1] = key .. PARTS[n] end
  end
  local withParts = call('EXISTS', unpack(parts)) > 0
  local entries, keys, deduplications, released = {}, {}, {}, {}
  while at <= last and freed < bytesLeft do
    local id, score = rows[at], rows[at + 1]
    local key = base .. id
    local job = pcall_('HMGET', key, 'finishedOn', 'deid', 'parentKey')
    if job.err then
      if string.find(job.err, 'WRONGTYPE', 1, true) then entries[#entries + 1] = id else leave(score) end
    elseif not job[1] and call('EXISTS', key) == 0 then
      entries[#entries + 1] = id
    elseif tonumber(job[1]) ~= tonumber(score) then
      leave(score)
    else
      local isFailed = state == 'failed'
      local own, inFlow = {}, job[3] and job[3] ~= ''
      local isChild = inFlow
      local hasOpenChildren = false
      if withParts then
        for n = 1, #PARTS do
          local part = key .. PARTS[n]
          if call('EXISTS', part) == 1 then
            own[#own + 1] = part
            inFlow = inFlow or n > 1
            hasOpenChildren = hasOpenChildren or n == 2
          end
        end
      end
      if hasOpenChildren or (isFailed and ((leavesCandidates and not inFlow) or (isChild and isWantedByParent(job[3])))) then
        leave(score)
      else
        local size = sizeOf(key)
        if size > 8e6 then makeLong(key) end
        freed = freed + size
        keys[#keys + 1] = key
        for n = 1, #own do
          freed = freed + sizeOf(own[n])
          keys[#keys + 1] = own[n]
        end
        entries[#entries + 1] = id
        if job[2] then deduplications[#deduplications + 1] = { id, job[2] } end
        if isFailed and isChild then released[#released + 1] = { job[3] .. ':dependencies', key } end
      end
    end
    at = at + 2
  end
  if #keys > 0 then call('UNLINK', unpack(keys)) end
  if #entries > 0 then call('ZREM', set, unpack(entries)) end
  for _, each in ipairs(deduplications) do endDeduplication(base, each[1], each[2]) end
  -- A finished parent counts no child that is gone as one that it has.
  for _, each in ipairs(released) do pcall_('SREM', each[1], each[2]) end
  removed = removed + #entries
end
if removed > 0 then pcall_('XADD', base .. 'events', '*', 'event', 'cleaned', 'count', removed) end
return reply('done', removed, freed, left, (at <= #rows or #rows == 2 * most) and 1 or 0)
