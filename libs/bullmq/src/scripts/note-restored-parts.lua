--[[
  Remembers how many parts of a backup are written.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the restore's mark
         2 id of the restore, 3 number of the writer
         4 parts
  Reply  done; lost, closed: nothing was written
  Cost   two commands of O(1)
  Never  writes what workers read
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/restore-mark.lua
local refused = writeRefusal(meta, ARGV[1], ARGV[2], ARGV[3])
if refused then return refused end
call('HSET', staged(base, 'state'), 'parts', ARGV[4])
return 'done'
