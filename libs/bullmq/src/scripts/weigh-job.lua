--[[
  Tells whether a hash that is too large for a reply of a script may be read at once.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 the rest of the hash's name
         2 most bytes of the hash, as Redis counts memory
  Reply  0: there is none; 1: it may be; 2: it is larger
  Cost   two reads of O(1)
  Never  writes
]]
local key = string.sub(KEYS[1], 1, -5) .. ARGV[1]
local fields = redis.call('HLEN', key)
if fields == 0 then return 0 end
if fields > 512 then return 2 end
return redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0) > tonumber(ARGV[2]) and 2 or 1
