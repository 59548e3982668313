-- What a restore stages beside the queue until it is put in its place: a sorted set of ids for each state, and what it has
-- to remember.
local STAGED_STATES = { 'waiting-children', 'completed', 'failed', 'delayed', 'prioritized', 'waiting', 'active' }
local function staged(base, name) return base .. 'restore:' .. name end

-- The field of a job's hash that says that a restore has written it and has not put it in its place yet.
local STAGED_FIELD = 'redis-queue:restore'

-- The restore that fills a queue: its id, the number of its writer, and its phase: filling, placing, placed or held.
-- Nothing when there is none.
local function restoreOf(meta, field)
  local mark = call('HGET', meta, field)
  if mark then return string.match(mark, '^(%S+) (%d+) (%l+)$') end
end
local function setPhase(meta, field, id, writer, phase) call('HSET', meta, field, id .. ' ' .. writer .. ' ' .. phase) end

-- Why a writer may not write: another restore, or another writer of this one, has the queue, or it has put everything in
-- its place already. Nothing when it may.
local function writeRefusal(meta, field, id, writer)
  local nowId, nowWriter, phase = restoreOf(meta, field)
  if nowId ~= id or nowWriter ~= writer then return 'lost' end
  if phase ~= 'filling' then return 'closed' end
end

-- Of a restore whose writes are all to be removed: notes the names of keys, without the queue's, before they are written.
local function noteKeys(base, names)
  if #names > 0 and call('HEXISTS', staged(base, 'state'), 'scratch') == 1 then call('RPUSH', staged(base, 'keys'), unpack(names)) end
end
