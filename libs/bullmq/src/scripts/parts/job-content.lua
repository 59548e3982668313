-- What a job has beside its hash: how many elements each part has, and how they are read.
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

-- Of all elements: there are few.
local function sizeOf(key) return redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0') or 0 end

-- Whether any of these jobs has a part; `ids` from `first` on, each `step` behind the one before.
local function anyHasParts(base, ids, first, last, step)
  local keys, n = {}, 0
  for i = first, last, step do
    local key = base .. ids[i]
    keys[n + 1], keys[n + 2], keys[n + 3] = key .. ':logs', key .. ':dependencies', key .. ':processed'
    keys[n + 4], keys[n + 5] = key .. ':failed', key .. ':unsuccessful'
    n = n + 5
  end
  return redis.call('EXISTS', unpack(keys)) > 0
end

-- The parts that the job has, their bytes and their elements; or the row that says why they are not read.
local function partsOf(key)
  local found, bytes, elements = {}, 0, 0
  for _, part in ipairs(PARTS) do
    local partKey = key .. ':' .. part[1]
    local size = redis.pcall(part[2], partKey)
    if type(size) == 'table' then return nil, ':' .. part[1] .. ' ' .. size.err end
    if size > MOST_ELEMENTS then return nil, 1 end
    if size > 0 then
      found[#found + 1] = part
      bytes = bytes + sizeOf(partKey)
      elements = elements + size
    end
  end
  return found, bytes, elements
end

local NO_PARTS = {}

-- The parts of a job, the bytes of all of it, the fields of its hash and the elements of its parts; or nil and the row that
-- says why it is not read: 0: there is none; 1: it has too many; a text: the part whose key is of another type, a space,
-- and the error.
local function weigh(key, mayHaveParts)
  local fields = redis.pcall('HLEN', key)
  if type(fields) == 'table' then return nil, ' ' .. fields.err end
  if fields == 0 then return nil, 0 end
  if fields > MOST_FIELDS then return nil, 1 end
  if not mayHaveParts then return NO_PARTS, sizeOf(key), fields, 0 end
  local parts, bytes, elements = partsOf(key)
  if not parts then return nil, bytes end
  return parts, sizeOf(key) + bytes, fields, elements
end

local function elementsOf(key, part) return redis.call(part[3], key .. ':' .. part[1], unpack(part, 4)) end
