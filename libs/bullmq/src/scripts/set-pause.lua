--[[
  Pauses or resumes a queue as BullMQ's own script does, while the owner mark is the one the caller has read. Unless its
  clients are of BullMQ 6, the jobs of a paused queue are kept where those before it look for them.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the owner mark
         2 the mark as read; empty: none was there
         3 paused, or resumed
         4 number of jobs at most to move between `wait` and `paused`, where BullMQ before v6 keeps those of a paused queue
         5 the digest of the policy as read
  Reply  { jobs left to move: call again; -1 the mark is another one, or -2 a restore fills the queue, which is not resumed
         before it is complete: nothing was written,
         the digest of the policy as it is now, or 16 question marks when it was another one than the caller has read }
  Cost   O(1), and O(jobs moved) when there are jobs in both lists
  Never  writes another field of `meta`
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/mark.lua
-- include parts/policy-digest.lua
-- include parts/pause.lua
-- include parts/restoring.lua
local mark = readableMark(call('HGET', meta, ARGV[1]) or '')
if mark ~= ARGV[2] then return { -1, '' } end
if ARGV[3] ~= 'paused' and restoreRefusal({ meta }) then return { -2, '' } end
local isAsRead = policyDigest(meta, ARGV[1]) == ARGV[5]
local most = tonumber(ARGV[4])
local left = (ARGV[3] == 'paused' and pauseQueue or resumeQueue)(base, most)
return { left, isAsRead and policyDigest(meta, ARGV[1]) or NO_DIGEST }
