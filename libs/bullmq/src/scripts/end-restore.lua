--[[
  Ends a restore whose jobs are in their places: takes its mark away, and resumes the queue as BullMQ's own script does; or
  lets it stay paused, and holds the restore.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore
         3 resume or hold
         4 number of jobs at most to move from `paused`, where BullMQ before v6 keeps those of a paused queue
  Reply  resumed; paused (it was so before the backup, or before the restore); held; again: jobs are left to move, call
         again; gone: there is no such restore, nothing was written
  Cost   15 commands of O(1), and O(jobs moved)
  Never  resumes a queue that somebody else has paused
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/restore-mark.lua
-- include parts/pause.lua
local field = ARGV[1]
local id, writer, phase = restoreOf(meta, field)
if id ~= ARGV[2] then return 'gone' end
if phase ~= 'placed' and phase ~= 'held' then return phase end
if ARGV[3] == 'hold' then
  setPhase(meta, field, id, writer, 'held')
  return 'held'
end
local state = call('HMGET', staged(base, 'state'), 'wasPaused', 'sourcePaused')
local staysPaused = state[1] == '1' or state[2] == '1'
if not staysPaused and resumeQueue(base, tonumber(ARGV[4])) > 0 then return 'again' end
call('HDEL', meta, field)
for _, name in ipairs({ 'state', 'skipped', 'schedulers', 'slots', 'held' }) do call('UNLINK', staged(base, name)) end
return staysPaused and 'paused' or 'resumed'
