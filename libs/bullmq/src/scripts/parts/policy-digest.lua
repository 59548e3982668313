-- 16 characters that are others as soon as somebody changes what is set for a queue: paused, max, duration, concurrency
-- or the owner mark. Of long texts only their beginnings and lengths count.
local NO_DIGEST = string.rep('?', 16)
local function policyDigest(meta, markField)
  local set = redis.pcall('HMGET', meta, 'paused', 'max', 'duration', 'concurrency', markField)
  if set.err then return NO_DIGEST end
  for i = 1, 5 do set[i] = set[i] and #set[i] .. ':' .. string.sub(set[i], 1, i < 5 and 32 or 4096) or '-' end
  return string.sub(redis.sha1hex(table.concat(set, ' ')), 1, 16)
end
