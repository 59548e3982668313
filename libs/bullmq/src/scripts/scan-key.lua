--[[
  Reads some elements of a key of a queue that may hold many.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 the rest of the key's name
         2 LRANGE, SSCAN, HSCAN or ZSCAN
         3 where to go on: a cursor; of LRANGE the first index
         4 how many elements to ask for; of LRANGE the last index
         5 most bytes of elements to reply with
  Reply  { next cursor, elements }, as Redis gives them; 0 when they are more than that
  Cost   about 0.3 us per element
  Never  writes
]]
local key = string.sub(KEYS[1], 1, -5) .. ARGV[1]
local cursor, elements = '0', nil
if ARGV[2] == 'LRANGE' then
  elements = redis.call('LRANGE', key, ARGV[3], ARGV[4])
else
  local reply = redis.call(ARGV[2], key, ARGV[3], 'COUNT', ARGV[4])
  cursor, elements = reply[1], reply[2]
end
local bytes, most = 0, tonumber(ARGV[5])
for i = 1, #elements do
  bytes = bytes + #elements[i] + 16
  if bytes > most then return 0 end
end
return { cursor, elements }
