--[[
  Reads from the stream of events which jobs went back to a state that a walk from state to state may have passed.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 the rest of the stream's name
         2 id of the last event that was read
         3 most events to read
  Reply  { id of the last event now read, number of events read, events ever added, id of a job, … }
  Cost   about 2 us per event
  Never  writes
]]
local events = string.sub(KEYS[1], 1, -5) .. ARGV[1]
local reply = { ARGV[2], 0, 0 }
if redis.call('EXISTS', events) == 0 then return reply end
local stream = redis.call('XINFO', 'STREAM', events)
for i = 1, #stream, 2 do
  if stream[i] == 'entries-added' then reply[3] = stream[i + 1] end
end
-- A job that is promoted goes forward; one that waits for the first time has no state before.
local BACK = { delayed = true, stalled = true, ['waiting-children'] = true }
local function goesBack(fields)
  if BACK[fields[2]] then return true end
  if fields[2] ~= 'waiting' then return false end
  for i = 5, #fields, 2 do
    if fields[i] == 'prev' then return fields[i + 1] ~= 'delayed' end
  end
  return false
end
for _, entry in ipairs(redis.call('XRANGE', events, '(' .. ARGV[2], '+', 'COUNT', ARGV[3])) do
  reply[1], reply[2] = entry[1], reply[2] + 1
  local fields = entry[2]
  -- BullMQ begins each event about a job with these two.
  if fields[3] == 'jobId' and #fields[4] <= 4096 and goesBack(fields) then reply[#reply + 1] = fields[4] end
end
return reply
