--[[
  Reads what changes when idle queues get something to do, so that CLIENT TRACKING reports the next change.

  KEYS   for each queue: wait, prioritized, delayed, meta
  Reply  for each queue { jobs waiting, prioritized, delayed, 1 when paused }; or the error, when it cannot be read
  Cost   4 reads of O(1) per queue; called for at most 50 queues
  Never  writes
]]
local function armQueue(i)
  return {
    redis.call('LLEN', KEYS[i]), redis.call('ZCARD', KEYS[i + 1]), redis.call('ZCARD', KEYS[i + 2]),
    redis.call('HEXISTS', KEYS[i + 3], 'paused'),
  }
end

local found = {}
for i = 1, #KEYS, 4 do
  local ok, queue = pcall(armQueue, i)
  -- A key of another type: this queue's failure, and nobody else's.
  found[#found + 1] = ok and queue or string.sub(type(queue) == 'table' and queue.err or tostring(queue), 1, 200)
end
return found
