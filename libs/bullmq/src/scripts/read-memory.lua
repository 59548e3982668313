--[[
  Reads how much memory the server of a queue has and uses; by its key, on a Redis Cluster it is the right one.

  KEYS   1 any key of the queue
  Reply  INFO of memory
  Cost   about 50 us
  Never  writes
]]
return redis.call('INFO', 'memory')
