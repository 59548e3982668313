--[[
  Says whether a restore could begin in a queue, or go on there: that it is empty, and that its user may write what a restore
  writes. Reads only.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore
         3 field of the list of job schedulers
  Reply  { free }; { continued }: this restore has the queue; { denied, the first command that its user may not call };
         { occupied, what is there, how many }, as `begin-restore.lua` has it
  Cost   21 reads of O(1), two more for each of at most 32 job schedulers, and 18 looks at the rights, about 30 us
  Never  writes
]]
local meta = KEYS[1]
local call = redis.call
-- include parts/restore-mark.lua
-- include parts/restore-occupant.lua
-- By the number of arguments that are no keys; `rename` and `evalsha` are asked with keys where they have them.
local WRITES = {
  { 'hset', 2 }, { 'hsetnx', 2 }, { 'hdel', 1 }, { 'hincrby', 2 }, { 'set', 1 }, { 'incr', 0 }, { 'sadd', 1 }, { 'srem', 1 },
  { 'zadd', 2 }, { 'zrem', 1 }, { 'zremrangebyrank', 2 }, { 'rpush', 1 }, { 'ltrim', 2 }, { 'unlink', 0 }, { 'del', 0 }, { 'xadd', 3 },
}
for _, write in ipairs(WRITES) do
  local arguments = {}
  for at = 1, write[2] do arguments[at] = '0' end
  if not redis.acl_check_cmd(write[1], meta, unpack(arguments)) then return { 'denied', write[1] } end
end
if not redis.acl_check_cmd('rename', meta, meta) then return { 'denied', 'rename' } end
if not redis.acl_check_cmd('evalsha', string.rep('0', 40), '1', meta) then return { 'denied', 'evalsha' } end
if restoreOf(meta, ARGV[1]) == ARGV[2] then return { 'continued' } end
local occupant = occupantOf(meta, ARGV[1], ARGV[3])
return occupant and { 'occupied', unpack(occupant) } or { 'free' }
