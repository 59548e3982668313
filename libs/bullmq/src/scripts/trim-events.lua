--[[
  Shortens a queue's stream of events, and sets what BullMQ shortens it to, while the owner mark is the one the caller
  has read.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the owner mark
         2 the mark as read
         3 Redis' time in ms after which nothing is written any more
         4 events to keep
         5 number of events to remove at most
  Reply  { outcome, events removed, events left, Redis' time in us when it began }; outcome: done, late, ownershipLost
  Cost   O(events removed), which go by whole nodes of the stream, of 100 or fewer; ends after 16 MB or 100 events
  Never  writes another field of `meta`; removes one of the newest events that are to be kept
]]
local meta, events = KEYS[1], string.sub(KEYS[1], 1, -5) .. 'events'
local call = redis.call
-- include parts/fence.lua

local time = call('TIME')
local began = string.format('%.0f', time[1] * 1e6 + time[2])
local refused = refusal(KEYS, ARGV[1], { ARGV[2] }, ARGV[3])
if refused then return { refused, 0, 0, began } end
local limit, count = tonumber(ARGV[5]), call('XLEN', events)
if count > 0 then
  -- Of the oldest nodes, which are those to go: an event carries what its job returned, of any length.
  local bytes = (call('MEMORY', 'USAGE', events, 'SAMPLES', 5) or 0) / count
  limit = math.max(100, math.min(limit, math.floor(16e6 / bytes)))
end
local removed = call('XTRIM', events, 'MAXLEN', '~', ARGV[4], 'LIMIT', limit)
-- Last: Redis may have no memory for a longer text, but has shortened the stream.
if call('HGET', meta, 'opts.maxLenEvents') ~= ARGV[4] then call('HSET', meta, 'opts.maxLenEvents', ARGV[4]) end
return { 'done', removed, call('XLEN', events), began }
