-- include parts/paused-line.lua
-- Whether the queue is paused and has jobs in `wait` that clients before BullMQ 6 would lose. Who may not read it, or finds
-- it on another server, has no digest.
local function isExposed(base)
  return keepsPausedApart(redis.call('HGET', base .. 'meta', 'version'), base) and redis.call('EXISTS', base .. 'wait') == 1
end

-- 16 characters that are others as soon as somebody changes what is set for a queue: paused, max, duration, concurrency
-- or the owner mark; or brings jobs of a paused queue in danger. Of long texts only their beginnings and lengths count.
local NO_DIGEST = string.rep('?', 16)
local function policyDigest(meta, markField)
  local set = redis.pcall('HMGET', meta, 'paused', 'max', 'duration', 'concurrency', markField)
  if set.err then return NO_DIGEST end
  local exposed = ''
  if set[1] then
    local isRead, isIt = pcall(isExposed, string.sub(meta, 1, -5))
    if not isRead then return NO_DIGEST end
    exposed = isIt and ' exposed' or ''
  end
  for i = 1, 5 do set[i] = set[i] and #set[i] .. ':' .. string.sub(set[i], 1, i < 5 and 32 or 4096) or '-' end
  return string.sub(redis.sha1hex(table.concat(set, ' ') .. exposed), 1, 16)
end
