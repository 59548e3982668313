--[[
  Tells whether a value is still what was read of it in slices.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 the rest of the hash's name
         2 field
         3 the value
  Reply  1 or 0
  Cost   Redis copies the whole value twice: 2 ms per MB
  Never  writes
]]
return redis.call('HGET', string.sub(KEYS[1], 1, -5) .. ARGV[1], ARGV[2]) == ARGV[3] and 1 or 0
