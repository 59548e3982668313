-- The score of a job that is ready at `ready`, Unix ms: the order of those that are due in the same ms is in the lowest 12
-- bits.
local function delayedScore(base, ready)
  local first = ready * 4096
  local last = call('ZREVRANGEBYSCORE', base .. 'delayed', first + 4095, first, 'WITHSCORES', 'LIMIT', 0, 1)[2]
  return string.format('%.0f', last and math.min(last + 1, first + 4095) or first)
end
