--[[
  Tells which job schedulers of a queue are as they are declared.

  KEYS   1 meta; the queue's other keys share the text before `meta`
  ARGV   for each scheduler three texts: its name; the bytes of its definition; the SHA-1 of the definition, in hex
  Reply  for each scheduler: holds; absent; differs, from the definition; stopped, because the job of its next run is
         gone or over, so that no worker makes another
  Cost   per scheduler 15 reads of O(1), about 10 us, and the SHA-1 of a definition that has the declared length
  Never  writes; sends a text that somebody else wrote
]]
local base = string.sub(KEYS[1], 1, -5)
local call = redis.call
-- include parts/schedulers.lua
local states = {}
for i = 1, #ARGV, 3 do
  local scheduler = ARGV[i]
  local due = dueOf(base, scheduler)
  local schedulerKey = base .. 'repeat:' .. scheduler
  if not due or call('HEXISTS', schedulerKey, 'ic') == 0 then
    states[#states + 1] = 'absent'
  else
    local definition = definitionOf(schedulerKey, tonumber(ARGV[i + 1]))
    local state = runState(schedulerKey .. ':' .. due)
    if not definition or redis.sha1hex(definition) ~= ARGV[i + 2] then
      states[#states + 1] = 'differs'
    else
      states[#states + 1] = (state == 'gone' or state == 'over') and 'stopped' or 'holds'
    end
  end
end
return states
