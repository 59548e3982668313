--[[
  Sets and clears fields of a queue's `meta`, while the owner mark is the one the caller has read. Sent again, because its
  reply was lost, it says the same and writes nothing.

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

-- Whether this very write has been here: the mark is the one that it sets, and every other field is as it leaves it.
local function isWritten()
  if last == 4 or ARGV[5] ~= ARGV[1] then return false end
  for i = 5, last, 2 do
    if call('HGET', meta, ARGV[i]) ~= ARGV[i + 1] then return false end
  end
  for i = last + 1, #ARGV do
    if call('HEXISTS', meta, ARGV[i]) == 1 then return false end
  end
  return true
end

if mark ~= ARGV[2] then return isWritten() and NO_DIGEST or '' end
local isAsRead = policyDigest(meta, ARGV[1]) == ARGV[3]
if last > 4 then call('HSET', meta, unpack(ARGV, 5, last)) end
if #ARGV > last then call('HDEL', meta, unpack(ARGV, last + 1)) end
return isAsRead and policyDigest(meta, ARGV[1]) or NO_DIGEST
