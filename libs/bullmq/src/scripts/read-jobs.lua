--[[
  Reads jobs whole, with all that belongs to them, as many of them as fit.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 most bytes, as Redis counts memory, after which no other job is read
         2 most bytes of one job
         3 and more: ids; a job scheduler's is `repeat:<id>`
  Reply  a row for each of the first ids, and at least one: { fields and values, name of a part, its elements, … };
         0: there is no such job; 1: it is larger than one may be; or a text: the part whose key is of another type, a
         space, and the error
  Cost   per job 4 reads of O(1) and its content, about 10 us
  Never  writes; sends more than the first two arguments say, whatever producers put there
]]
local base = string.sub(KEYS[1], 1, -5)
local budget, largest = tonumber(ARGV[1]), tonumber(ARGV[2])
local call, pcall_ = redis.call, redis.pcall
-- How many elements each part of a job has, and how they are read.
local PARTS = {
  { 'logs', 'LLEN', 'LRANGE', 0, -1 },
  { 'dependencies', 'SCARD', 'SMEMBERS' },
  { 'processed', 'HLEN', 'HGETALL' },
  { 'failed', 'HLEN', 'HGETALL' },
  { 'unsuccessful', 'ZCARD', 'ZRANGE', 0, -1, 'WITHSCORES' },
}
local MOST_FIELDS, MOST_ELEMENTS = 512, 10000
-- What is looked at together, so that most jobs, which have no parts, cost one look for all their parts.
local CHUNK = 50
local rows, used = {}, 0

-- Of all elements: there are few.
local function sizeOf(key) return call('MEMORY', 'USAGE', key, 'SAMPLES', 0) or 0 end

-- The parts that the job has, and their bytes; nil when they are too many, and an error.
local function partsOf(key)
  local found, bytes = {}, 0
  for _, part in ipairs(PARTS) do
    local partKey = key .. ':' .. part[1]
    local elements = pcall_(part[2], partKey)
    if type(elements) == 'table' then return nil, 0, ':' .. part[1] .. ' ' .. elements.err end
    if elements > MOST_ELEMENTS then return nil, 0 end
    if elements > 0 then
      found[#found + 1] = part
      bytes = bytes + sizeOf(partKey)
    end
  end
  return found, bytes
end

-- A row, and the bytes that it has; nil when it has to wait for another reply.
local function read(id, mayHaveParts)
  local key = base .. id
  local fields = pcall_('HLEN', key)
  if type(fields) == 'table' then return ' ' .. fields.err, 0 end
  if fields == 0 then return 0, 0 end
  if fields > MOST_FIELDS then return 1, 0 end
  local bytes = sizeOf(key)
  local parts = {}
  if mayHaveParts then
    local found, partBytes, failure = partsOf(key)
    if failure then return failure, 0 end
    if not found then return 1, 0 end
    parts, bytes = found, bytes + partBytes
  end
  if bytes > largest then return 1, 0 end
  if used > 0 and used + bytes > budget then return nil, 0 end
  local row = { call('HGETALL', key) }
  for _, part in ipairs(parts) do
    row[#row + 1] = part[1]
    row[#row + 1] = call(part[3], key .. ':' .. part[1], unpack(part, 4))
  end
  return row, bytes
end

for from = 3, #ARGV, CHUNK do
  local last = math.min(from + CHUNK - 1, #ARGV)
  local keys = {}
  for i = from, last do
    for _, part in ipairs(PARTS) do keys[#keys + 1] = base .. ARGV[i] .. ':' .. part[1] end
  end
  local mayHaveParts = call('EXISTS', unpack(keys)) > 0
  for i = from, last do
    local row, bytes = read(ARGV[i], mayHaveParts)
    if row == nil then return rows end
    rows[#rows + 1] = row
    used = used + bytes
  end
end
return rows
