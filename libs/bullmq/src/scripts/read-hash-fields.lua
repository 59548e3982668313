--[[
  Reads a hash that is too large for one reply: the short values at once, of the long ones how long they are.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 the rest of the key's name
         2 most bytes of the hash, as Redis counts memory
         3 most bytes of a value that is read
  Reply  { field, bytes of its value, value or null, … }; empty: there is no such key; 1: it is larger than it may be
  Cost   about 1 us per field
  Never  writes
]]
local key = string.sub(KEYS[1], 1, -5) .. ARGV[1]
if redis.call('HLEN', key) > 512 then return 1 end
if (redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0) or 0) > tonumber(ARGV[2]) then return 1 end
local rows = {}
for _, field in ipairs(redis.call('HKEYS', key)) do
  local bytes = redis.call('HSTRLEN', key, field)
  rows[#rows + 1] = field
  rows[#rows + 1] = bytes
  rows[#rows + 1] = bytes <= tonumber(ARGV[3]) and redis.call('HGET', key, field)
end
return rows
