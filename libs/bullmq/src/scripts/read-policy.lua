--[[
  Reads what is set for a queue. Whoever may write there may write texts of any length: none makes the reply long.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   1 field of the owner mark
         2 field of the claims
         3 claims to send at most
         4 ms from now after which no claim expires: one that says so is none
         5 field of the list of job schedulers
         6 field of a restore's mark
  Reply  { 1 when `meta` exists, jobs in the legacy list `paused`,
         { paused, max, duration, concurrency, mark, version, claims, schedulers, restore },
         Redis' time in ms where there are claims or a window runs, else 0,
         { jobs started in the window of a rate limit that runs now, ms until its end }, or false where none runs,
         the digest of the policy,
         jobs in `wait` although the queue is paused, and clients before BullMQ 6 would lose them; 0 where there is no list }
         what is longer than a number is the text `long`; a mark over 4 kB is its SHA-1 in hex, and the scripts that
         compare the mark with the one that was read make the same of it; of the version the first 64 bytes;
         claims over 4 kB are none; of others only those that stand; a list of schedulers over 8 kB is none, and so is a
         restore's mark over 256 bytes
  Cost   4 reads of O(1), about 7 us; up to five more when the queue is paused
  Never  writes; sends a text of over 8 kB
]]
local meta, base = KEYS[1], string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/mark.lua
-- include parts/policy-digest.lua
-- include parts/claims.lua
-- include parts/paused-line.lua
local set = call('HMGET', meta, 'paused', 'max', 'duration', 'concurrency', ARGV[1], 'version', ARGV[2], ARGV[5], ARGV[6])
for i = 1, 4 do
  if set[i] and #set[i] > 32 then set[i] = 'long' end
end
if set[5] then set[5] = readableMark(set[5]) end
set[6] = set[6] and string.sub(set[6], 1, 64)
if set[8] and #set[8] > 8192 then set[8] = false end
if set[9] and #set[9] > 256 then set[9] = false end
local left = call('PTTL', base .. 'limiter')
local now, window = 0, false
if set[7] or left > 0 then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
if left > 0 then
  -- Of another type it is no counter, and no failure of what else is read.
  local started = redis.pcall('GET', base .. 'limiter')
  window = type(started) == 'string' and #started <= 32 and { started, left }
end
if set[7] then
  local lines = ''
  for _, claim in ipairs(standingClaims(set[7], now, tonumber(ARGV[3]), tonumber(ARGV[4]))) do
    lines = lines .. claim.line .. '\n'
  end
  set[7] = lines
end
-- Of another type it is no list, and no failure of what else is read.
local exposed = set[1] and keepsPausedApart(set[6], base) and redis.pcall('LLEN', base .. 'wait')
return {
  call('EXISTS', meta), call('LLEN', base .. 'paused'), set, now, window, policyDigest(meta, ARGV[1]),
  type(exposed) == 'number' and exposed or 0,
}
