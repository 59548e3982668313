--[[
  Weighs some jobs of each state of a queue, and its own keys, by the memory that Redis says they use.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 number of jobs at most per state
  Reply  { bytes of lists, sets and the stream of events, { of each state in the order of STATES } }, each { jobs, jobs
         weighed, their bytes, the sum of the squares of these }; numbers over 2^53 as texts
  Cost   7 us per job weighed, of at most 8 * 64; 5 us per key of the queue
  Never  writes; reads a list or set as a whole. Of lists the jobs at both ends are weighed, else random ones
]]
local base, most = string.sub(KEYS[1], 1, -5), tonumber(ARGV[1])
local call = redis.call
local STATES = { 'completed', 'failed', 'wait', 'paused', 'active', 'prioritized', 'delayed', 'waiting-children' }
local LISTS = { wait = true, paused = true, active = true }
local PARTS = { ':dependencies', ':processed', ':failed', ':unsuccessful', ':logs' }

local function sizeOf(key) return call('MEMORY', 'USAGE', key, 'SAMPLES', 32) or 0 end

local function someJobs(state, count)
  local key = base .. state
  if not LISTS[state] then return call('ZRANDMEMBER', key, most) end
  if count <= most then return call('LRANGE', key, 0, -1) end
  local ids = call('LRANGE', key, 0, math.ceil(most / 2) - 1)
  for _, id in ipairs(call('LRANGE', key, -math.floor(most / 2), -1)) do ids[#ids + 1] = id end
  return ids
end

local function sizeOfJob(id)
  local key, parts = base .. id, {}
  for n = 1, #PARTS do parts[n] = key .. PARTS[n] end
  local size = sizeOf(key)
  if call('EXISTS', unpack(parts)) > 0 then
    for n = 1, #PARTS do size = size + sizeOf(parts[n]) end
  end
  return size
end

local own = sizeOf(base .. 'events')
local found = {}
for n, state in ipairs(STATES) do
  local count = call(LISTS[state] and 'LLEN' or 'ZCARD', base .. state)
  local bytes, squares, ids = 0, 0, {}
  if count > 0 then
    own = own + sizeOf(base .. state)
    ids = someJobs(state, count)
    for i = 1, #ids do
      local size = sizeOfJob(ids[i])
      bytes, squares = bytes + size, squares + size * size
    end
  end
  found[n] = { count, #ids, string.format('%.0f', bytes), string.format('%.0f', squares) }
end
return { string.format('%.0f', own), found }
