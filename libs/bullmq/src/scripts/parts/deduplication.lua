-- The job is over. As when BullMQ finishes one: a deduplication with a time to live outlasts its job, another ends with it
-- and with what waits for its end.
local function endDeduplication(base, id, deduplication)
  local key = base .. 'de:' .. deduplication
  if redis.pcall('GET', key) == id and call('PTTL', key) == -1 then call('UNLINK', key, base .. 'dn:' .. deduplication) end
end
