--[[
  Sets and clears fields of a queue's `meta`, while the owner mark is the one the caller has read, or already the one it
  sets: the same write has been here then, and its reply was lost.

  KEYS   1 meta
  ARGV   1 field of the owner mark
         2 the mark as read; empty: none was there
         3 the digest of the policy as read
         4 number n of the following texts that are fields to set, each with its value, the owner mark first where it is
           set; the rest are fields to clear
  Reply  the digest of the policy as it is now, or 16 question marks when it was another one than the caller has read;
         empty: the mark is another one, nothing was written
  Cost   O(fields)
  Never  writes outside `meta`
]]
-- include parts/mark.lua
-- include parts/policy-digest.lua
local call, meta = redis.call, KEYS[1]
local mark = readableMark(call('HGET', meta, ARGV[1]) or '')
local last = 4 + tonumber(ARGV[4])
local isDone = last > 4 and ARGV[5] == ARGV[1] and mark == ARGV[6]
if mark ~= ARGV[2] and not isDone then return '' end
local isAsRead = policyDigest(meta, ARGV[1]) == ARGV[3]
if last > 4 then call('HSET', meta, unpack(ARGV, 5, last)) end
if #ARGV > last then call('HDEL', meta, unpack(ARGV, last + 1)) end
return isAsRead and policyDigest(meta, ARGV[1]) or NO_DIGEST
