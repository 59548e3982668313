--[[
  Sets and clears fields of a queue's `meta`, while the owner mark is the one the caller has read.

  KEYS   1 meta
  ARGV   1 field of the owner mark
         2 the mark as read; empty: none was there
         3 number n of the following texts that are fields to set, each with its value; the rest are fields to clear
  Reply  1 done; 0 the mark is another one, nothing was written
  Cost   O(fields)
  Never  writes outside `meta`
]]
-- include parts/mark.lua
local mark = readableMark(redis.call('HGET', KEYS[1], ARGV[1]) or '')
if mark ~= ARGV[2] then return 0 end
local last = 3 + tonumber(ARGV[3])
for i = 4, last, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = last + 1, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
return 1
