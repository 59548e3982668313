-- Keys of the queue itself, by what comes after its name. A job whose id is the name of one of these is none; its key is not
-- the job's.
local OWN = {}
for _, suffix in ipairs({
  'meta', 'wait', 'paused', 'active', 'prioritized', 'delayed', 'completed', 'failed', 'waiting-children', 'repeat',
  'events', 'delay', 'stalled-check', 'stalled', 'id', 'pc', 'marker', 'limiter', 'priority', 'metrics:completed',
  'metrics:completed:data', 'metrics:failed', 'metrics:failed:data', 'restore:state', 'restore:skipped', 'restore:schedulers',
  'restore:slots', 'restore:held', 'restore:keys',
}) do OWN[suffix] = true end
