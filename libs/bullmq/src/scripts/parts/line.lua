-- Puts jobs in line as BullMQ's reprocessJob does: by their priority, or else behind the others, or before them if they
-- are `lifo`. Reads what decides for all jobs, and thereby finds keys of another type, before anything is written.
local function openLine(base)
  local held = call('HMGET', base .. 'meta', 'paused', 'concurrency', 'version')
  call('LLEN', base .. 'wait')
  call('ZCARD', base .. 'prioritized')
  call('ZCARD', base .. 'marker')
  call('XLEN', base .. 'events')
  local maxed = held[2] and call('LLEN', base .. 'active') >= (tonumber(held[2]) or 0)
  -- BullMQ before v6 keeps the jobs of a paused queue in a list of its own, which replaces `wait` on resume.
  local legacy = held[1] and (call('LLEN', base .. 'paused') > 0 or string.find(held[3] or '', '^bullmq:[1-5]%.'))
  return { base = base, list = base .. (legacy and 'paused' or 'wait'), silent = held[1] or maxed }
end

local function putInLine(line, id)
  local key = line.base .. id
  local priority = tonumber(call('HGET', key, 'priority') or '') or 0
  if priority > 0 then
    local count = call('INCR', line.base .. 'pc')
    call('ZADD', line.base .. 'prioritized', priority * 4294967296 + count % 4294967296, id)
  else
    local opts = call('HSTRLEN', key, 'opts') <= 8192 and call('HGET', key, 'opts') or ''
    call(string.find(opts, '"lifo":true', 1, true) and 'RPUSH' or 'LPUSH', line.list, id)
  end
  -- What idle workers wait for.
  if not line.silent then call('ZADD', line.base .. 'marker', 0, '0') end
end
