--[[
  Takes an empty queue for a restore: marks it, and pauses it as BullMQ's own script does. One that this restore has taken
  before is paused again, and says how far it came. One that it has completed is left to its workers.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore, without spaces
         3 field of the list of job schedulers
         4 scratch: all that the restore writes is to be removed, so each key is noted; else empty
         5 Redis' time in ms after which nothing begins any more; 0: no such time
         6 field of the owner mark, 7 `namespace/name` of the Queue object that may govern the queue; empty: any
         8 field of the receipt: the restore that was completed last, and its outcome
  Reply  { begun }; { restored }: this restore was completed here, and nothing was written; { late }: nothing was written; { governed, by the owner of the mark, empty where it cannot be read }:
         nothing was written; { continued, parts done, phase }; { occupied, what is there, how many }: nothing was written, what is
         there is a state, `schedulers`, `restore`, the leftovers of one whose mark is gone, or the id of another restore
         with -1, or -2 when it is held
  Cost   22 reads of O(1), two more for each of at most 32 job schedulers, and three writes, about 30 us
  Never  touches a queue in which there is a job or a job scheduler, other than those that its Queue object has declared,
         and the jobs of their next runs
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/restore-mark.lua
-- include parts/restore-occupant.lua
-- include parts/pause.lua
local field, id = ARGV[1], ARGV[2]
local time = call('TIME')
local untilMs = tonumber(ARGV[5])
if untilMs > 0 and time[1] * 1000 + math.floor(time[2] / 1000) > untilMs then return { 'late' } end
local now, _, phase = restoreOf(meta, field)
if now == id then
  local parts = call('HGET', staged(base, 'state'), 'parts') or '0'
  if phase == 'filling' or phase == 'placing' then pauseQueue(base, 1) end
  return { 'continued', parts, phase }
end
if string.match(call('HGET', meta, ARGV[8]) or '', '^%S+') == id then return { 'restored' } end
local mark = ARGV[7] ~= '' and call('HGET', meta, ARGV[6])
if mark then
  local ok, read = pcall(cjson.decode, #mark <= 4096 and mark or '')
  local owner = ok and type(read) == 'table' and type(read.owner) == 'string' and read.owner or ''
  if string.match(owner, '^[^/]+/(.+)$') ~= ARGV[7] then return { 'governed', owner } end
end
local occupant = occupantOf(meta, field, ARGV[3])
if occupant then return { 'occupied', unpack(occupant) } end
call('UNLINK', staged(base, 'state'), staged(base, 'skipped'), staged(base, 'schedulers'), staged(base, 'slots'), staged(base, 'held'), staged(base, 'promotable'))
-- Up to here ids were given before: a job of such an id that no index names is a rest of a queue that was lost.
call('HSET', staged(base, 'state'), 'firstId', call('GET', base .. 'id') or 0)
if call('HEXISTS', meta, 'paused') == 1 then call('HSET', staged(base, 'state'), 'wasPaused', 1) end
if ARGV[4] == 'scratch' then call('HSET', staged(base, 'state'), 'scratch', id) end
setPhase(meta, field, id, '0', 'filling')
pauseQueue(base, 1)
return { 'begun' }
