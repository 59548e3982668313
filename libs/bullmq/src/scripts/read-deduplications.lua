--[[
  Reads which deduplications jobs keep up.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 most bytes of what is added when jobs end, as Redis counts memory
         2 and more: a job's id and its deduplication id, in turns
  Reply  a row for each of the first pairs, as many as fit: { ms that are left, -1: until the job ends, fields of the job
         that is added then, perhaps none }; 0: the deduplication is not this job's; 1: what is to be added does not fit
  Cost   per job up to 5 reads of O(1), about 3 us
  Never  writes
]]
local base = string.sub(KEYS[1], 1, -5)
local most, used = tonumber(ARGV[1]), 0

local function read(id, deduplication)
  local key = base .. 'de:' .. deduplication
  if redis.pcall('STRLEN', key) ~= #id or redis.call('GET', key) ~= id then return 0 end
  local next = base .. 'dn:' .. deduplication
  local fields = redis.pcall('HLEN', next)
  if fields ~= 0 then
    if type(fields) == 'table' then return 0 end
    local bytes = fields <= 512 and redis.call('MEMORY', 'USAGE', next, 'SAMPLES', 0)
    if not bytes or bytes > most then return 1 end
    used = used + bytes
    if used > most then return nil end
  end
  return { redis.call('PTTL', key), fields == 0 and {} or redis.call('HGETALL', next) }
end
local rows = {}
for i = 2, #ARGV, 2 do
  local row = read(ARGV[i], ARGV[i + 1])
  if not row then break end
  rows[#rows + 1] = row
end
return rows
