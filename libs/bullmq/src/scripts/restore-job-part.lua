--[[
  Adds to a job what does not come with its hash: logs, what it knows of its children, and fields beyond the thousandth.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore, 3 number of the writer
         4 id of the job
         5 fields, logs, dependencies, processed, failed or unsuccessful
         6 of logs, the number of lines before these
         7 and more: fields, each with its value; lines; keys of children; keys of children, each with its value; scores,
         each with its key
  Reply  done; lost, closed: nothing was written
  Cost   2 us per text, of which there are 1,000 at most, and what they take
  Never  adds to a job that the restore has not written; adds a line twice
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/restore-mark.lua
local refused = writeRefusal(meta, ARGV[1], ARGV[2], ARGV[3])
if refused then return refused end
local job, part = base .. ARGV[4], ARGV[5]
if redis.pcall('HGET', job, STAGED_FIELD) ~= '1' then return 'done' end
local key = part == 'fields' and job or job .. ':' .. part
if part == 'logs' then
  if call('LLEN', key) == tonumber(ARGV[6]) then call('RPUSH', key, unpack(ARGV, 7)) end
elseif part == 'dependencies' then
  call('SADD', key, unpack(ARGV, 7))
elseif part == 'unsuccessful' then
  call('ZADD', key, unpack(ARGV, 7))
else
  call('HSET', key, unpack(ARGV, 7))
end
return 'done'
