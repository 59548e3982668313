-- include parts/paused-line.lua
-- Where the jobs of a queue wait now, and whether no worker is woken for them.
local function lineOf(base)
  local held = call('HMGET', base .. 'meta', 'paused', 'concurrency', 'version')
  local maxed = held[2] and call('LLEN', base .. 'active') >= (tonumber(held[2]) or 0)
  local apart = held[1] and keepsPausedApart(held[3], base)
  return { base = base, list = base .. (apart and 'paused' or 'wait'), silent = held[1] or maxed }
end

-- Puts jobs in line as BullMQ's reprocessJob does: by their priority, or else behind the others, or before them if they
-- are `lifo`. Reads what decides for all jobs, and thereby finds keys of another type, before anything is written.
local function openLine(base)
  local line = lineOf(base)
  call('LLEN', line.list)
  call('ZCARD', base .. 'prioritized')
  call('ZCARD', base .. 'marker')
  call('XLEN', base .. 'events')
  return line
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
