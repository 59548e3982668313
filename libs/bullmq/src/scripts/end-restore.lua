--[[
  Ends a restore whose jobs are in their places, and compared: puts its delayed jobs in theirs, takes its mark away, leaves
  a receipt in `meta`, and resumes the queue as BullMQ's own script does; or lets it stay paused, and holds the restore.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore
         3 resume; pause: complete it, and leave the queue paused; or hold
         4 number of jobs at most to move from `paused`, where BullMQ before v6 keeps those of a paused queue
         5 number of delayed jobs at most to put in their places
         6 field of the receipt: the restore that was completed last, and its outcome
  Reply  resumed; paused (it was so before the backup, or before the restore, or is to stay so); held; again: jobs are left to move, call
         again; gone: there is no such restore, and no receipt of it. By a receipt nothing is written
  Cost   15 commands of O(1), and O(jobs moved); per delayed job two, 3 us
  Never  resumes a queue that somebody else has paused
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/restore-mark.lua
-- include parts/pause.lua
local field = ARGV[1]
local id, writer, phase = restoreOf(meta, field)
if id ~= ARGV[2] then
  local completed, outcome = string.match(call('HGET', meta, ARGV[6]) or '', '^(%S+) (%l+)$')
  return completed == ARGV[2] and outcome or 'gone'
end
if phase ~= 'placed' and phase ~= 'held' then return phase end
local promotable = staged(base, 'promotable')
local rows = call('ZRANGE', promotable, 0, tonumber(ARGV[5]) - 1, 'WITHSCORES')
if #rows > 0 then
  call('ZCARD', base .. 'delayed')
  local placed = {}
  for i = 1, #rows, 2 do
    if redis.pcall('HDEL', base .. rows[i], STAGED_FIELD) == 1 then
      placed[#placed + 1] = rows[i + 1]
      placed[#placed + 1] = rows[i]
    end
  end
  if #placed > 0 then call('ZADD', base .. 'delayed', unpack(placed)) end
  call('ZREMRANGEBYRANK', promotable, 0, #rows / 2 - 1)
  return 'again'
end
if ARGV[3] == 'hold' then
  setPhase(meta, field, id, writer, 'held')
  return 'held'
end
local state = call('HMGET', staged(base, 'state'), 'wasPaused', 'sourcePaused')
local staysPaused = ARGV[3] == 'pause' or state[1] == '1' or state[2] == '1'
if not staysPaused and resumeQueue(base, tonumber(ARGV[4])) > 0 then return 'again' end
local outcome = staysPaused and 'paused' or 'resumed'
call('HDEL', meta, field)
call('HSET', meta, ARGV[6], id .. ' ' .. outcome)
for _, name in ipairs({ 'state', 'skipped', 'schedulers', 'slots', 'held' }) do call('UNLINK', staged(base, name)) end
return outcome
