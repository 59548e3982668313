--[[
  Looks whether jobs are in the state, and with the score, that a backup has them in. What a restore has not put there
  because it is to come later, or because there is no such job, is as it is to be.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 the state, one that is a sorted set
         2 and more: ids, each with its score
  Reply  the ids that are not
  Cost   per id one command of O(1), 1 us; of 500 about 0.5 ms
  Never  writes
]]
local base, state = string.sub(KEYS[1], 1, -5), ARGV[1]
local call = redis.call
-- include parts/restore-mark.lua
local ids = {}
for i = 2, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local scores = call('ZMSCORE', base .. state, unpack(ids))
local found = {}
for i, id in ipairs(ids) do
  local score = scores[i] or state == 'delayed' and call('ZSCORE', staged(base, 'held'), id)
  local isThere = score and tonumber(score) == tonumber(ARGV[2 * i + 1])
  if not isThere and call('EXISTS', base .. id) == 1 and call('SISMEMBER', staged(base, 'skipped'), id) == 0 then
    found[#found + 1] = id
  end
end
return found
