--[[
  Removes a job scheduler that the list names, with the job of its next run, as BullMQ's removeJobScheduler does, while
  the owner mark is the one the caller has read.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the owner mark
         2 the mark as read
         3 Redis' time in ms after which nothing is written any more
         4 field of the list of schedulers
         5 owner of the list
         6 the scheduler's name
  Reply  outcome: done; late, ownershipLost: nothing was written
  Cost   15 commands of O(1) or O(log n), about 20 us; UNLINK of one job
  Never  removes a scheduler that the list does not name, or a job that is in line or that a worker has taken
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/events.lua
-- include parts/fence.lua
-- include parts/schedulers.lua
-- include parts/scheduler-list.lua

local refused = refusal(KEYS, ARGV[1], { ARGV[2] }, ARGV[3])
if refused then return refused end
local scheduler, listed = ARGV[6], false
local text = call('HSTRLEN', meta, ARGV[4]) <= 8192 and call('HGET', meta, ARGV[4]) or nil
for _, name in ipairs(schedulersOf(text, ARGV[5])) do listed = listed or name == scheduler end
if not listed then return 'done' end
call('XLEN', base .. 'events')
local due = dueOf(base, scheduler)
if due then
  local jobId = 'repeat:' .. scheduler .. ':' .. due
  if call('ZREM', base .. 'delayed', jobId) == 1 then
    call('UNLINK', base .. jobId, base .. jobId .. ':logs')
    emit(base, 'removed', jobId, 'prev', 'delayed')
  end
end
call('ZREM', base .. 'repeat', scheduler)
call('UNLINK', base .. 'repeat:' .. scheduler)
noteScheduler(meta, ARGV[4], ARGV[5], scheduler, false)
return 'done'
