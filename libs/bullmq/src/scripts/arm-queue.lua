--[[
  Reads what changes when a queue at rest gets something to do, so that CLIENT TRACKING tells of the next change.

  KEYS   1 wait  2 prioritized  3 delayed  4 meta
  Reply  { jobs waiting, prioritized, delayed, 1 when paused }
  Cost   4 reads of O(1)
  Never  writes
]]
return {
  redis.call('LLEN', KEYS[1]), redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3]),
  redis.call('HEXISTS', KEYS[4], 'paused'),
}
