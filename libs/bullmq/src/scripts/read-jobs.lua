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
-- include parts/job-content.lua
local rows, used = {}, 0

-- Gives a row; nil when it has to wait for another reply.
local function read(id, mayHaveParts)
  local key = base .. id
  local parts, bytes = weigh(key, mayHaveParts)
  if not parts then return bytes end
  if bytes > largest then return 1 end
  if used > 0 and used + bytes > budget then return nil end
  used = used + bytes
  local row = { redis.call('HGETALL', key) }
  for _, part in ipairs(parts) do
    row[#row + 1] = part[1]
    row[#row + 1] = elementsOf(key, part)
  end
  return row
end

for from = 3, #ARGV, CHUNK do
  local last = math.min(from + CHUNK - 1, #ARGV)
  local mayHaveParts = anyHasParts(base, ARGV, from, last, 1)
  for i = from, last do
    local row = read(ARGV[i], mayHaveParts)
    if row == nil then return rows end
    rows[#rows + 1] = row
  end
end
return rows
