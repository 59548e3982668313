--[[
  Reads a page of a queue's failed jobs: what decides whether they run again.

  KEYS   1 failed; the queue's other keys share the text before `failed`
  ARGV   1 rank of the first job to read, oldest first; -1: the newest jobs, newest first
         2 most jobs to read
         3 most bytes of stack traces to read
  Reply  { Redis' time in ms, { number of failed jobs, job, ... } }; of each job id, score, finishedOn, attempts made,
         retries by redis-queue, what it is besides: child or parent of a flow, or a dead letter, failed reason (first 64 bytes), first and last 200 bytes of the
         last stack trace, options. What is missing or too long to be read is null
  Cost   O(log n), and per job 4 reads of O(1), about 8 us; with stack traces of 256 kB about 2 ms for 100 jobs
  Never  writes; reads what a job carries
]]
local call = redis.call
local failed, base = KEYS[1], string.sub(KEYS[1], 1, -7)
local first, most, bytesLeft = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = call('TIME')
local rows = { call('ZCARD', failed) }
local page = first < 0 and call('ZREVRANGE', failed, 0, most - 1, 'WITHSCORES')
  or call('ZRANGE', failed, first, first + most - 1, 'WITHSCORES')

local function read(id)
  local key = base .. id
  local job = call('HMGET', key, 'finishedOn', 'atm', 'redis-queue:retries', 'parentKey', 'redis-queue:origin')
  local also = job[5] and 'letter' or job[4] and 'child' or false
  if not also and call('EXISTS', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful') > 0 then
    also = 'parent'
  end
  local function text(field, longest)
    return call('HSTRLEN', key, field) <= longest and call('HGET', key, field) or false
  end
  local stack = text('stacktrace', 32768) or ''
  bytesLeft = bytesLeft - #stack
  -- The last text of a JSON array. Quotes within a text are escaped, so that `","` only stands between two.
  stack = string.sub(stack, string.match(stack, '^.*","()') or 3, -3)
  local reason = text('failedReason', 4096)
  return {
    job[1] and string.sub(job[1], 1, 32), job[2] and string.sub(job[2], 1, 32), job[3] and string.sub(job[3], 1, 32),
    also, reason and string.sub(reason, 1, 64), string.sub(stack, 1, 200), string.sub(stack, -200), text('opts', 8192),
  }
end

for i = 1, #page, 2 do
  if bytesLeft <= 0 then break end
  local id = page[i]
  local ok, job = false, nil
  -- An id of any length would fill the reply.
  if #id <= 512 then ok, job = pcall(read, id) end
  rows[#rows + 1] = { #id <= 512 and id or string.sub(id, 1, 512), page[i + 1], ok and job }
end
return { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), rows }
