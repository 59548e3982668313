--[[
  Makes the caller the one writer of a restore: what an earlier one still has under way is refused from now on.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore
  Reply  { number of the writer, phase }; empty: the restore has not this queue
  Cost   two commands of O(1)
  Never  writes outside `meta`
]]
local call = redis.call
-- include parts/restore-mark.lua
local id, writer, phase = restoreOf(KEYS[1], ARGV[1])
if id ~= ARGV[2] then return {} end
local next = string.format('%.0f', writer + 1)
setPhase(KEYS[1], ARGV[1], id, next, phase)
return { next, phase }
