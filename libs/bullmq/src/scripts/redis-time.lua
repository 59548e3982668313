--[[
  Tells the time when Redis has done what was sent before.

  KEYS   1 any key of the node that is meant
  Reply  Redis' time in us
  Cost   one read of O(1)
  Never  writes
]]
local time = redis.call('TIME')
return string.format('%.0f', time[1] * 1e6 + time[2])
