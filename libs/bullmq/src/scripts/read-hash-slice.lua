--[[
  Reads a part of a value that is too long for one reply.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 the rest of the hash's name
         2 field
         3 the first byte, from 1 on, 4 the last one
  Reply  the bytes, fewer or none where the value is shorter or missing
  Cost   Redis copies the whole value: 1 ms per MB
  Never  writes
]]
local value = redis.call('HGET', string.sub(KEYS[1], 1, -5) .. ARGV[1], ARGV[2]) or ''
return string.sub(value, tonumber(ARGV[3]), tonumber(ARGV[4]))
