--[[
  Writes what a backup says of the queue itself: fields of `meta` that nobody has set here, and its counters, which are
  only ever raised. Idempotent.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore, 3 number of the writer
         4 the counter of ids, 5 the counter of priorities
         6 Redis' time of the snapshot, ms, 7 1 when the queue was paused there
         8 and more: fields of `meta`, each with its value
  Reply  done; lost, closed: nothing was written
  Cost   O(fields)
  Never  overwrites a field; lowers a counter. What it sets is noted, for a restore that is abandoned to remove it.
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/restore-mark.lua
-- include parts/raise-counter.lua
local refused = writeRefusal(meta, ARGV[1], ARGV[2], ARGV[3])
if refused then return refused end
local isLimited = call('HEXISTS', meta, 'max') == 1 or call('HEXISTS', meta, 'duration') == 1
for i = 8, #ARGV, 2 do
  local field = ARGV[i]
  -- A limit is both of them: half of one stops every worker.
  if not (isLimited and (field == 'max' or field == 'duration')) and call('HSETNX', meta, field, ARGV[i + 1]) == 1 then
    call('HSET', staged(base, 'state'), 'set:' .. field, ARGV[i + 1])
  end
end
raiseCounter(base .. 'id', tonumber(ARGV[4]) or 0)
raiseCounter(base .. 'pc', tonumber(ARGV[5]) or 0)
call('HSET', staged(base, 'state'), 'snapshotAt', ARGV[6], 'sourcePaused', ARGV[7])
return 'done'
