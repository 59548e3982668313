--[[
  Reads how busy the server of a queue is; by its key, on a Redis Cluster it is the right one.

  KEYS   1 any key of the queue
  Reply  INFO of processor time and commands
  Cost   about 100 us
  Never  writes
]]
return redis.call('INFO', 'cpu', 'commandstats')
