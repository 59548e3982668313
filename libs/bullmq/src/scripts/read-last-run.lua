--[[
  Finds the newest event that tells of a job that came in line, started or finished. Removals, which also write events, are
  passed over.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   none
  Reply  the ID of that event; null: there is none, or too many others came after it
  Cost   reads at most 100 events, newest first, one and then ten at a time, and begins no ten after 1 MB of them: events
         carry what jobs return; mostly one, in 10 us
  Never  writes; sends what is in an event
]]
local call = redis.call
local stream = string.sub(KEYS[1], 1, -5) .. 'events'
local RUNS = { waiting = true, prioritized = true, delayed = true, active = true, completed = true, failed = true }
local read, bytes, upTo, count = 0, 0, '+', 1
local events
repeat
  events = call('XREVRANGE', stream, upTo, '-', 'COUNT', count)
  for _, event in ipairs(events) do
    for i = 1, #event[2], 2 do
      if event[2][i] == 'event' and RUNS[event[2][i + 1]] then return event[1] end
      bytes = bytes + #event[2][i + 1]
    end
    upTo = '(' .. event[1]
  end
  read = read + #events
  local isEnd = #events < count
  count = 10
until isEnd or read >= 100 or bytes >= 1e6
return false
