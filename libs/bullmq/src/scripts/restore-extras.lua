--[[
  Writes what a backup has beside jobs: holds a job scheduler back until the queue is resumed; sets a deduplication, with
  the time that is left of it since the snapshot; or notes that a job cannot be restored.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore, 3 number of the writer
         4 scheduler, then 5 its id, 6 its next run, Unix ms, 7 its hash as JSON
         4 deduplication, then 5 its id, 6 the id of its job, 7 the ms that were left of it in the snapshot, -1: until the
         job ends, and 8 and more the fields of the job that waits for that end, each with its value
         4 skipped, then 5 the job's id
  Reply  done; lost, closed: nothing was written
  Cost   five commands of O(1), and what the texts take
  Never  overwrites a deduplication; sets one that has no end for a job that is not there
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/restore-mark.lua
local refused = writeRefusal(meta, ARGV[1], ARGV[2], ARGV[3])
if refused then return refused end
if ARGV[4] == 'scheduler' then
  call('HSET', staged(base, 'schedulers'), ARGV[5], ARGV[7])
  call('HSET', staged(base, 'slots'), ARGV[5], ARGV[6])
  return 'done'
end
if ARGV[4] == 'skipped' then
  call('SADD', staged(base, 'skipped'), ARGV[5])
  return 'done'
end
noteKeys(base, { 'de:' .. ARGV[5], 'dn:' .. ARGV[5] })
local key, job, ttl = base .. 'de:' .. ARGV[5], ARGV[6], tonumber(ARGV[7])
if ttl >= 0 then
  local time = call('TIME')
  local snapshotAt = tonumber(call('HGET', staged(base, 'state'), 'snapshotAt') or '') or 0
  local left = snapshotAt + ttl - time[1] * 1000 - math.floor(time[2] / 1000)
  if left > 0 then call('SET', key, job, 'PX', string.format('%.0f', left), 'NX') end
elseif call('EXISTS', base .. job) == 1 then
  call('SET', key, job, 'NX')
end
if #ARGV > 7 and redis.pcall('GET', key) == job then call('HSET', base .. 'dn:' .. ARGV[5], unpack(ARGV, 8)) end
return 'done'
