--[[
  Puts some of the jobs that a restore has written in their places: the queue's lists and sets. Jobs that were active come
  before all that waited, as when BullMQ takes them from a worker that died. The job of a scheduler's next run is held
  back, and so are delayed jobs: workers of a paused queue put those that are due in line. Jobs that producers have added
  since the restore began come after those that waited longer.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore, 3 number of the writer
         4 number of jobs to place at most
  Reply  { more }: call again; { lost }: nothing was written; { done, ids of jobs that somebody else has added, index
         entries without a job, jobs held back, then per state its name and the number of jobs placed }
  Cost   per job 2 to 3 commands of O(1) or O(log n), 3.5 us; of 1,000 about 3.5 ms
  Never  places a job twice, or one that the restore has not written
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/restore-mark.lua
-- include parts/line.lua
local field, most = ARGV[1], tonumber(ARGV[4])
local id, writer, phase = restoreOf(meta, field)
if id ~= ARGV[2] or writer ~= ARGV[3] then return { 'lost' } end
local progress = staged(base, 'state')

-- The job of a scheduler's next run waits until the scheduler is there.
local function isHeld(job)
  local scheduler, ms = string.match(job, '^repeat:(.*):(%d+)$')
  return scheduler and call('HGET', staged(base, 'slots'), scheduler) == ms
end

-- A delayed job keeps the field that says that it is not in its place.
local function isOurs(state, job)
  if state == 'delayed' then return redis.pcall('HGET', base .. job, STAGED_FIELD) == '1' end
  return redis.pcall('HDEL', base .. job, STAGED_FIELD) == 1
end

local function place(state, from)
  local isList = state == 'waiting' or state == 'active'
  local rows = call(isList and 'ZREVRANGE' or 'ZRANGE', from, 0, most - 1, 'WITHSCORES')
  -- Reads first, and thereby finds a key of another type before anything is written.
  local to = isList and lineOf(base).list or state == 'delayed' and staged(base, 'promotable') or base .. state
  call(isList and 'LLEN' or 'ZCARD', to)
  local placed, held, gone = {}, {}, 0
  for i = 1, #rows, 2 do
    local job = rows[i]
    if state == 'delayed' and isHeld(job) then
      held[#held + 1] = rows[i + 1]
      held[#held + 1] = job
    elseif isOurs(state, job) then
      if not isList then placed[#placed + 1] = rows[i + 1] end
      placed[#placed + 1] = job
    elseif call('SISMEMBER', staged(base, 'skipped'), job) == 0 then
      gone = gone + 1
    end
  end
  if #held > 0 then call('ZADD', staged(base, 'held'), unpack(held)) end
  if #placed > 0 then call(isList and 'RPUSH' or 'ZADD', to, unpack(placed)) end
  local count = #rows / 2
  call('ZREMRANGEBYRANK', from, isList and -count or 0, isList and -1 or count - 1)
  call('HINCRBY', progress, 'placed:' .. state, #placed / (isList and 1 or 2))
  call('HINCRBY', progress, 'held', #held / 2)
  call('HINCRBY', progress, 'gone', gone)
end

if phase == 'filling' then setPhase(meta, field, id, writer, 'placing') end
if phase == 'filling' or phase == 'placing' then
  -- Parents before their children, which would look for them.
  for _, state in ipairs(STAGED_STATES) do
    local from = staged(base, state)
    if call('ZCARD', from) > 0 then
      place(state, from)
      return { 'more' }
    end
  end
  setPhase(meta, field, id, writer, 'placed')
end
local counts = { 'done', call('SCARD', staged(base, 'skipped')), call('HGET', progress, 'gone') or 0, call('HGET', progress, 'held') or 0 }
for _, state in ipairs(STAGED_STATES) do
  counts[#counts + 1] = state
  counts[#counts + 1] = call('HGET', progress, 'placed:' .. state) or 0
end
return counts
