--[[
  Compares jobs with digests that an earlier backup has of them, and reads those whole that differ, in the same step. A
  digest is of everything that `read-jobs.lua` gives of a job, and of its id.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 most weight, after which no other job is looked at: bytes as Redis counts memory, and 150 per field or element
         2 most weight of one job
         3 and more: an id and its digest in turns; the digest is empty where none is known
  Reply  a row for each of the first ids, and at least one:
         2: the job is as the digest says; { id of the deduplication it may keep up }: the same;
         { digest, fields and values, name of a part, its elements, … }: it differs;
         0: there is no such job; 1: it is larger than one may be; or a text: the part whose key is of another type, a
         space, and the error
  Cost   per job 5 reads of O(1) and its content, about 12 us; per MB of weight at most 7 ms
  Never  writes; sends or hashes more than the first two arguments say, whatever producers put there
]]
local base = string.sub(KEYS[1], 1, -5)
local budget, largest = tonumber(ARGV[1]), tonumber(ARGV[2])
-- include parts/job-content.lua
local ELEMENT_WEIGHT = 150
-- What BullMQ 5 and 6 write into the hash of a job: read in one order, they need not be sorted.
local FIELDS = {
  'name', 'data', 'opts', 'timestamp', 'delay', 'priority', 'parentKey', 'parent', 'rjk', 'nrjid', 'deid', 'processedOn',
  'pb', 'ats', 'atm', 'stc', 'defa', 'progress', 'finishedOn', 'returnvalue', 'failedReason', 'stacktrace',
}
local DEDUPLICATION = 11
local pack = cmsgpack.pack
local rows, used = {}, 0

-- Names and values in turns, by name: Redis has them in an order that its restart changes.
local function sorted(flat)
  local names, values, ordered = {}, {}, {}
  for i = 1, #flat, 2 do
    names[#names + 1] = flat[i]
    values[flat[i]] = flat[i + 1]
  end
  table.sort(names)
  for i, name in ipairs(names) do
    ordered[2 * i - 1] = name
    ordered[2 * i] = values[name]
  end
  return ordered
end

-- The hash as a text that no other has, and the deduplication that it names. In MessagePack each text comes with its
-- length, and each list with the number of its elements.
local function hashText(id, key, fields)
  local values = redis.call('HMGET', key, unpack(FIELDS))
  local known = 0
  for i = 1, #FIELDS do
    if values[i] then known = known + 1 end
  end
  if known == fields then return pack('known', id, values), values[DEDUPLICATION] end
  return pack('any', id, sorted(redis.call('HGETALL', key))), values[DEDUPLICATION]
end

-- A row; nil when it has to wait for another reply.
local function read(id, digest, mayHaveParts)
  local key = base .. id
  local parts, bytes, fields, elements = weigh(key, mayHaveParts)
  if not parts then return bytes end
  local weight = bytes + ELEMENT_WEIGHT * (fields + elements)
  if weight > largest then return 1 end
  if used > 0 and used + weight > budget then return nil end
  used = used + weight
  local text, deduplication = hashText(id, key, fields)
  local row = { '', '' }
  for _, part in ipairs(parts) do
    local found = elementsOf(key, part)
    row[#row + 1] = part[1]
    row[#row + 1] = found
    -- Of the others Redis gives an order that is always the same.
    if part[2] == 'HLEN' then found = sorted(found) end
    if part[2] == 'SCARD' then table.sort(found) end
    text = text .. pack(part[1], found)
  end
  local actual = string.sub(redis.sha1hex(text), 1, 16)
  if actual == digest then return deduplication and { deduplication } or 2 end
  row[1], row[2] = actual, redis.call('HGETALL', key)
  return row
end

for from = 3, #ARGV, 2 * CHUNK do
  local last = math.min(from + 2 * CHUNK - 2, #ARGV - 1)
  local mayHaveParts = anyHasParts(base, ARGV, from, last, 2)
  for i = from, last, 2 do
    local row = read(ARGV[i], ARGV[i + 1], mayHaveParts)
    if row == nil then return rows end
    rows[#rows + 1] = row
  end
end
return rows
