--[[
  Reads what a snapshot of a queue begins with: how many entries the indexes have, and what stands in `meta`.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 most bytes of meta that are read
         2 and more: the suffixes of the indexes
  Reply  { Redis' time in ms, sizes, ids, meta, counters, events }
         sizes: entries of each index; ids: the longest of some ids of each, in bytes; either is a text where the
         key is of another type, the error; meta: fields and values, or 0 when it is larger than it may be, or an error;
         counters: the texts of `id` and `pc`, empty where there is none; events: the last id of the stream, and how many
         were ever added
  Cost   40 reads of O(1), about 50 us, and the content of meta
  Never  writes
]]
local base = string.sub(KEYS[1], 1, -5)
local LISTS = { wait = true, paused = true, active = true }
local SAMPLED = 16
local time = redis.call('TIME')
local sizes, ids = {}, {}
for i = 1, #ARGV - 1 do
  local index = ARGV[i + 1]
  local key = base .. index
  local size = redis.pcall(LISTS[index] and 'LLEN' or 'ZCARD', key)
  if type(size) == 'table' then
    sizes[i], ids[i] = size.err, 0
  else
    sizes[i], ids[i] = size, 0
    for from = 0, 1 do
      local first, last = from == 0 and 0 or -SAMPLED, from == 0 and SAMPLED - 1 or -1
      for _, id in ipairs(redis.call(LISTS[index] and 'LRANGE' or 'ZRANGE', key, first, last)) do
        ids[i] = math.max(ids[i], #id)
      end
    end
  end
end

local fields = redis.pcall('HLEN', KEYS[1])
local meta = {}
if type(fields) == 'table' then
  meta = fields.err
elseif fields > 512 then
  meta = 0
elseif fields > 0 then
  meta = redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 0) > tonumber(ARGV[1]) and 0 or redis.call('HGETALL', KEYS[1])
end

local function counter(suffix)
  local text = redis.pcall('GETRANGE', base .. suffix, 0, 63)
  return type(text) == 'table' and '' or text
end

local events = { '0-0', 0 }
local stream = redis.pcall('XINFO', 'STREAM', base .. 'events')
if not stream.err then
  for i = 1, #stream, 2 do
    if stream[i] == 'last-generated-id' then events[1] = stream[i + 1] end
    if stream[i] == 'entries-added' then events[2] = stream[i + 1] end
  end
end
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
return { now, sizes, ids, meta, { counter('id'), counter('pc') }, events }
