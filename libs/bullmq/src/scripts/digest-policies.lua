--[[
  Reads a digest of what is set for each queue, to be compared with an earlier one.

  KEYS   the `meta` key of each queue
  ARGV   1 field of the owner mark
  Reply  16 characters per queue, in one text; of a queue that cannot be read 16 question marks
  Cost   per queue one read of O(1), about 5 us; up to three more when it is paused
  Never  writes; sends what somebody wrote there
]]
-- include parts/policy-digest.lua
local digests = {}
for i, meta in ipairs(KEYS) do digests[i] = policyDigest(meta, ARGV[1]) end
return table.concat(digests)
