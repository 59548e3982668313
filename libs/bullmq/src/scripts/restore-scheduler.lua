--[[
  Puts one job scheduler that a restore has held back in its place, with the job of its next run. One of that name that
  somebody has written since the restore began stays as it is.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore
         3 the scheduler's id
         4 the run in the backup, 5 the run to come, Unix ms
         6 what becomes of the job of the run in the backup: `placed` (it stays where it is; one that is held back goes, as
         no run is to come), `held` (it gets its place), `moved` (it becomes the job of the run to come), `made` (there is
         none: one is made)
         7 options of the job as JSON, where it is moved or made, 8 its timestamp, ms
         9 name, 10 data, 11 priority of the job, where it is made
         12 and more: fields of the scheduler's hash, each with its value
  Reply  done, exists (one of that name was there), or lost: nothing was written
  Cost   20 commands of O(1) or O(log n), about 40 us, and what the texts take
  Never  overwrites a scheduler, or a job of somebody else
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/restore-mark.lua
-- include parts/delayed.lua
local id, _, phase = restoreOf(meta, ARGV[1])
if id ~= ARGV[2] or (phase ~= 'placed' and phase ~= 'held') then return 'lost' end
local scheduler, former, coming, way = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local schedulerKey, delayed, held = base .. 'repeat:' .. scheduler, base .. 'delayed', staged(base, 'held')
local formerId, jobId = 'repeat:' .. scheduler .. ':' .. former, 'repeat:' .. scheduler .. ':' .. coming
local formerKey, jobKey = base .. formerId, base .. jobId
call('ZCARD', delayed)
local exists = call('ZSCORE', base .. 'repeat', scheduler)
local score = call('ZSCORE', held, formerId)
local isOurs = redis.pcall('HGET', formerKey, STAGED_FIELD) == '1'

if (exists or way == 'placed') and score and isOurs then call('UNLINK', formerKey, formerKey .. ':logs') end
if not exists then
  if #ARGV > 11 then call('HSET', schedulerKey, unpack(ARGV, 12)) end
  call('ZADD', base .. 'repeat', coming, scheduler)
  if way == 'held' and isOurs and score then
    call('ZADD', delayed, score, formerId)
    call('HDEL', formerKey, STAGED_FIELD)
  elseif (way == 'moved' or way == 'made') and call('EXISTS', jobKey) == 0 then
    if way == 'moved' then
      call('RENAME', formerKey, jobKey)
      call('HDEL', jobKey, STAGED_FIELD)
      if call('EXISTS', formerKey .. ':logs') == 1 then call('RENAME', formerKey .. ':logs', jobKey .. ':logs') end
    else
      call('INCR', base .. 'id')
      call('HSET', jobKey, 'name', ARGV[9], 'data', ARGV[10], 'priority', ARGV[11], 'rjk', scheduler)
    end
    local ready, timestamp = tonumber(coming), tonumber(ARGV[8])
    call('HSET', jobKey, 'opts', ARGV[7], 'timestamp', ARGV[8], 'delay', string.format('%.0f', math.max(ready - timestamp, 0)))
    call('ZADD', delayed, delayedScore(base, ready), jobId)
  end
end
call('ZREM', held, formerId)
call('HDEL', staged(base, 'schedulers'), scheduler)
call('HDEL', staged(base, 'slots'), scheduler)
return exists and 'exists' or 'done'
