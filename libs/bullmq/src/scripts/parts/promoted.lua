-- Workers promote delayed jobs that are due also while the queue is paused: they leave `delayed` for the line, and their
-- `delay` becomes 0.

-- The score that a restore has noted for a delayed job which is not in its place yet; nothing when it has none.
local function heldBack(base, id)
  return call('ZSCORE', staged(base, 'promotable'), id) or call('ZSCORE', staged(base, 'held'), id)
end

local function wasPromoted(base, id)
  return redis.pcall('HGET', base .. id, 'delay') == '0' and not call('ZSCORE', base .. 'delayed', id) and not heldBack(base, id)
end

-- Delayed jobs below this score are due; a worker may be some seconds ahead of this clock.
local function dueScore() return (call('TIME')[1] + 5) * 1000 * 4096 end
