--[[
  Reads whose queues are, and what tells that something has happened in them since.

  KEYS   the `meta` key of each queue; its other keys share the text before `meta`
  ARGV   1 field of the owner mark
  Reply  { Redis' time in ms, { of each queue } }, each { the mark, or its SHA-1 in hex where it is over 4 kB, failed jobs,
         events in the stream, counter of jobs that were added }; or, of a queue that cannot be read, the error
  Cost   4 reads of O(1) per queue, 5 us; called for at most 50 queues
  Never  writes; reads a list, set or stream as a whole; sends a text of over 4 kB
]]
local call = redis.call
-- include parts/mark.lua
local time = call('TIME')

local function readQueue(meta)
  local base = string.sub(meta, 1, -5)
  local mark, added = call('HGET', meta, ARGV[1]), call('GET', base .. 'id')
  return { mark and readableMark(mark), call('ZCARD', base .. 'failed'), call('XLEN', base .. 'events'), added and string.sub(added, 1, 32) }
end

local found = {}
for i, meta in ipairs(KEYS) do
  local ok, queue = pcall(readQueue, meta)
  -- A key of another type: this queue's failure, and nobody else's.
  found[i] = ok and queue or string.sub(type(queue) == 'table' and queue.err or tostring(queue), 1, 200)
end
return { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), found }
