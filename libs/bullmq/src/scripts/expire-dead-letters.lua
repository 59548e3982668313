--[[
  Removes dead letters that are older than they are to be kept.

  KEYS   1 meta of the queue, 2 meta of its dead-letter queue; the queues' other keys share the text before `meta`
  ARGV   1 field of the owner mark, 2 and 3 the marks of the two queues as read
         4 Redis' time in ms after which nothing is done
         5 age in ms of the oldest letter to keep, by its finishedOn
         6 how many letters that are not ours were passed over before: the first ones of the queue, by their rank
         7 most letters to look at
  Reply  { done, letters removed, letters passed over, 1 when there may be more }; or { late } or { ownershipLost }
  Cost   per letter 6 commands of O(1) or O(log n), about 10 us; begins no other after 16 MB of what they carry, as Redis
         frees a hash of few fields at once
  Never  removes a job of that queue which redis-queue did not put there
]]
local call = redis.call
-- include parts/fence.lua
-- include parts/restoring.lua
-- include parts/events.lua
local dead = string.sub(KEYS[2], 1, -5)
local refused = refusal(KEYS, ARGV[1], { ARGV[2], ARGV[3] }, ARGV[4]) or restoreRefusal(KEYS)
if refused then return { refused } end
local letters, most = dead .. 'failed', tonumber(ARGV[7])
call('XLEN', dead .. 'events')
local time = call('TIME')
local oldest, from = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[5]), tonumber(ARGV[6])
-- By rank, as a walk to an offset within a range of scores takes as long as what it passes over.
local found, page = call('ZRANGE', letters, from, from + most - 1, 'WITHSCORES'), {}
for i = 1, #found, 2 do
  if tonumber(found[i + 1]) >= oldest then break end
  page[#page + 1] = found[i]
end
local removed, passedOver, bytes = 0, 0, 0
for _, letter in ipairs(page) do
  if bytes >= 16e6 then break end
  local key = dead .. letter
  if redis.pcall('HEXISTS', key, 'redis-queue:origin') == 1 then
    bytes = bytes + call('HSTRLEN', key, 'data')
    call('ZREM', letters, letter)
    call('UNLINK', key, key .. ':logs')
    emit(dead, 'removed', letter, 'prev', 'failed')
    removed = removed + 1
  else
    passedOver = passedOver + 1
  end
end
return { 'done', removed, passedOver, (#page == most or removed + passedOver < #page) and 1 or 0 }
