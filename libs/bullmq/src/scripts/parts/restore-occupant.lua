-- What keeps a restore out of a queue, and how many of it: a state, `schedulers`, `restore`, the leftovers of one whose mark
-- is gone, or the id of another restore with -1, or -2 when it is held. Nothing when the queue is empty.
local function occupantOf(meta, field, listField)
  local base = string.sub(meta, 1, -5)
  if call('HEXISTS', meta, field) == 1 then
    local id, _, phase = restoreOf(meta, field)
    return { id or '?', phase == 'held' and -2 or -1 }
  end
  for _, list in ipairs({ 'active', 'wait', 'paused' }) do
    local jobs = call('LLEN', base .. list)
    if jobs > 0 then return { list, jobs } end
  end
  -- Those that the Queue object has declared, and the jobs of their next runs, are no content.
  local declared, schedulers, runs = {}, call('ZCARD', base .. 'repeat'), 0
  if schedulers > 0 and schedulers <= 32 then
    local list = call('HSTRLEN', meta, listField) <= 8192 and call('HGET', meta, listField) or ''
    for name in string.gmatch(list, '[^\n]+') do declared[name] = true end
    for _, name in ipairs(call('ZRANGE', base .. 'repeat', 0, -1)) do
      if declared[name] then
        schedulers = schedulers - 1
        if call('ZSCORE', base .. 'delayed', 'repeat:' .. name .. ':' .. call('ZSCORE', base .. 'repeat', name)) then runs = runs + 1 end
      end
    end
  end
  if schedulers > 0 then return { 'schedulers', schedulers } end
  for _, set in ipairs({ 'prioritized', 'delayed', 'waiting-children', 'completed', 'failed' }) do
    local jobs = call('ZCARD', base .. set) - (set == 'delayed' and runs or 0)
    if jobs > 0 then return { set, jobs } end
  end
  for _, state in ipairs(STAGED_STATES) do
    local jobs = call('ZCARD', staged(base, state))
    if jobs > 0 then return { 'restore', jobs } end
  end
end
