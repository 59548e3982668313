--[[
  Counts jobs that failed for good and were removed (`removeOnFail`) before they could become dead letters, as far as the
  queue's events tell: a job that failed, of which no later event is there, and which is gone.

  KEYS   1 meta of the queue, 2 meta of its dead-letter queue; the queues' other keys share the text before `meta`
  ARGV   1 field of the owner mark, 2 and 3 the marks of the two queues as read
         4 Redis' time in ms after which nothing is done
         5 most events to read
  Reply  { done, jobs lost since this is counted, 1 when events went by unread: there may be more, Redis' time in ms, the
         time at which the last of them was found to be lost or 0 }; or { late } or { ownershipLost }
  Cost   reads at most so many events, newest first, ten at a time, and begins no ten after 1 MB of them: events carry
         what jobs return; with 500 about 1 ms
  Never  counts a job twice; counts jobs that failed before the first call
]]
local call = redis.call
-- include parts/fence.lua
local base, dead = string.sub(KEYS[1], 1, -5), string.sub(KEYS[2], 1, -5)
local refused = refusal(KEYS, ARGV[1], { ARGV[2], ARGV[3] }, ARGV[4])
if refused then return { refused } end
local stream, most = base .. 'events', tonumber(ARGV[5])
local state = call('HMGET', KEYS[2], 'redis-queue:lost-after', 'redis-queue:lost', 'redis-queue:lost-unread', 'redis-queue:lost-at')
local after, lost, unread = state[1], tonumber(state[2] or '') or 0, tonumber(state[3] or '') or 0
local before, lostAt = lost, tonumber(state[4] or '') or 0
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local newest = call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
local newestId = newest and newest[1] or '0-0'
if after and newestId ~= after then
  local later, read, bytes, upTo = {}, 0, 0, '+'
  local events
  repeat
    events = call('XREVRANGE', stream, upTo, '(' .. after, 'COUNT', 10)
    for _, event in ipairs(events) do
      local kind, id
      for i = 1, #event[2], 2 do
        if event[2][i] == 'event' then kind = event[2][i + 1] end
        if event[2][i] == 'jobId' then id = event[2][i + 1] end
        bytes = bytes + #event[2][i + 1]
      end
      -- `retries-exhausted` comes with the failure.
      if id and kind ~= 'retries-exhausted' and not later[id] then
        later[id] = true
        if kind == 'failed' and call('EXISTS', base .. id) == 0 then lost = lost + 1 end
      end
      upTo = '(' .. event[1]
    end
    read = read + #events
  until #events < 10 or read >= most or bytes >= 1e6
  if #events == 10 then unread = 1 end
end
if newestId ~= after then
  if lost > before then lostAt = now end
  call('HSET', KEYS[2], 'redis-queue:lost-after', newestId, 'redis-queue:lost', lost, 'redis-queue:lost-unread', unread,
    'redis-queue:lost-at', string.format('%.0f', lostAt))
end
return { 'done', lost, unread, now, lostAt }
