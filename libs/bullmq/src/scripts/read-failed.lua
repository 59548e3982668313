--[[
  Reads a page of a queue's failed jobs: what decides whether they run again.

  KEYS   1 failed; the queue's other keys share the text before `failed`
  ARGV   1 rank of the first job to read, oldest first; negative: so many jobs before the end
         2 most jobs to read
  Reply  { Redis' time in ms, { number of failed jobs, job, ... } }; of each job id, score, finishedOn, attempts made,
         retries by redis-queue, flow: child or parent, failed reason (first 64 bytes), first and last 200 bytes of the
         last stack trace, options. What is missing or too long to be read is null
  Cost   O(log n), and per job 3 reads, about 6 us, and at most 32 kB of stack traces; a page of 100 below 5 ms
  Never  writes; reads what a job carries
]]
local call = redis.call
local failed, base = KEYS[1], string.sub(KEYS[1], 1, -7)
local first, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = call('TIME')
local rows = { call('ZCARD', failed) }
local page = call('ZRANGE', failed, first, first < 0 and -1 or first + most - 1, 'WITHSCORES')

-- The last text of a JSON array of texts. Quotes within a text are escaped, so that `","` only stands between two.
local function lastText(json)
  local from = string.match(json, '^.*","()') or string.match(json, '^%["()')
  return from and string.sub(json, from, -3) or ''
end

local function read(id)
  local key = base .. id
  local job = call('HMGET', key, 'finishedOn', 'atm', 'redis-queue:retries', 'parentKey')
  local flow = job[4] and 'child' or false
  if not flow and call('EXISTS', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful') > 0 then
    flow = 'parent'
  end
  local function text(field, longest)
    return call('HSTRLEN', key, field) <= longest and call('HGET', key, field) or false
  end
  local stack = lastText(text('stacktrace', 32768) or '')
  local reason = text('failedReason', 4096)
  return {
    job[1] and string.sub(job[1], 1, 32), job[2] and string.sub(job[2], 1, 32), job[3] and string.sub(job[3], 1, 32),
    flow, reason and string.sub(reason, 1, 64), string.sub(stack, 1, 200), string.sub(stack, -200), text('opts', 8192),
  }
end

for i = 1, #page, 2 do
  local id = page[i]
  local ok, job = false, nil
  -- An id of any length would fill the reply.
  if #id <= 512 then ok, job = pcall(read, id) end
  rows[#rows + 1] = { #id <= 512 and id or string.sub(id, 1, 512), page[i + 1], ok and job }
end
return { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), rows }
