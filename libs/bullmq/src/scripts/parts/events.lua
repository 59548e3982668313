-- A name of any length would be written once more for each event.
local function nameOf(key) return call('HSTRLEN', key, 'name') <= 1024 and call('HGET', key, 'name') or '' end

-- Writes an event about a job as BullMQ does: the stream is kept to the length that the queue's `meta` says.
local function emit(base, event, id, ...)
  local most = tonumber(call('HGET', base .. 'meta', 'opts.maxLenEvents') or '') or 10000
  call('XADD', base .. 'events', 'MAXLEN', '~', math.floor(math.max(0, math.min(most, 1e9))), '*', 'event', event, 'jobId', id, ...)
end
