--[[
  Gives up a restore that has put nothing in its place yet: removes some of the jobs that it has written, and after the
  last of them its mark. The queue is then as it was before, and resumed unless it was paused or is to stay so.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore
         3 number of jobs to remove at most
         4 pause: the queue stays paused; else empty
  Reply  done; more: call again; gone: there is no such restore; placing, placed, held: it has put jobs in their places,
         and nothing was written
  Cost   per job 4 commands of O(1), 4 us; of 500 about 2 ms; what jobs carry is freed in the background
         and O(fields of `meta` that it has set)
  Never  removes a job that the restore has not written
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/restore-mark.lua
-- include parts/deduplication.lua
-- include parts/pause.lua
local field, most = ARGV[1], tonumber(ARGV[3])
local id, _, phase = restoreOf(meta, field)
if id ~= ARGV[2] then return 'gone' end
if phase ~= 'filling' then return phase end
for _, state in ipairs(STAGED_STATES) do
  local from = staged(base, state)
  local jobs = call('ZRANGE', from, 0, most - 1)
  if #jobs > 0 then
    for _, job in ipairs(jobs) do
      local key = base .. job
      local found = redis.pcall('HMGET', key, STAGED_FIELD, 'deid')
      if found[1] == '1' then
        if found[2] then endDeduplication(base, job, found[2]) end
        call('UNLINK', key, key .. ':logs', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful')
      end
    end
    call('ZREMRANGEBYRANK', from, 0, #jobs - 1)
    return 'more'
  end
end
-- What producers have added since lies in `paused`, where BullMQ before v6 has jobs of a paused queue.
local staysPaused = ARGV[4] == 'pause' or call('HGET', staged(base, 'state'), 'wasPaused') == '1'
if not staysPaused and resumeQueue(base, 5000) > 0 then return 'more' end
-- What it has set goes too, where nobody has changed it; but clients of BullMQ write these two whenever they start.
local state = call('HGETALL', staged(base, 'state'))
for i = 1, #state, 2 do
  local name = string.match(state[i], '^set:(.*)$')
  if name and name ~= 'version' and name ~= 'opts.maxLenEvents' and call('HGET', meta, name) == state[i + 1] then
    call('HDEL', meta, name)
  end
end
call('HDEL', meta, field)
for _, name in ipairs({ 'state', 'skipped', 'schedulers', 'slots', 'held' }) do call('UNLINK', staged(base, name)) end
return 'done'
