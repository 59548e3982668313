--[[
  Reads what is set for a queue. Whoever may write there may write texts of any length: none makes the reply long.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the owner mark
  Reply  { 1 when `meta` exists, jobs in the legacy list `paused`, { paused, max, duration, concurrency, mark, version } }
         what is longer than a number is the text `long`; a mark over 4 kB is its SHA-1 in hex, and the scripts that
         compare the mark with the one that was read make the same of it; of the version the first 64 bytes
  Cost   3 reads of O(1), about 5 us
  Never  writes; sends a text of over 4 kB
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
local set = call('HMGET', meta, 'paused', 'max', 'duration', 'concurrency', ARGV[1], 'version')
for i = 1, 4 do
  if set[i] and #set[i] > 32 then set[i] = 'long' end
end
if set[5] and #set[5] > 4096 then set[5] = redis.sha1hex(set[5]) end
set[6] = set[6] and string.sub(set[6], 1, 64)
return { call('EXISTS', meta), call('LLEN', base .. 'paused'), set }
