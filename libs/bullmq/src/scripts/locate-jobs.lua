--[[
  Tells in which state jobs are.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   ids
  Reply  for each id { state, score }; or { waiting } when it is in no set, so in a list if anywhere; or 0: no such job
  Cost   per id 6 reads of O(1), about 4 us
  Never  writes
]]
local base = string.sub(KEYS[1], 1, -5)
local SETS = { 'delayed', 'waiting-children', 'prioritized', 'completed', 'failed' }
local function locate(id)
  if redis.call('EXISTS', base .. id) == 0 then return 0 end
  for _, set in ipairs(SETS) do
    local score = redis.call('ZSCORE', base .. set, id)
    if score then return { set, score } end
  end
  return { 'waiting' }
end
local rows = {}
for i, id in ipairs(ARGV) do rows[i] = locate(id) end
return rows
