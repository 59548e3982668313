-- include parts/mark.lua
-- Nothing is written after the deadline, nor when the owner mark of a queue is another one than the caller has read.
local function refusal(metas, field, marks, untilMs)
  local time = call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) > tonumber(untilMs) then return 'late' end
  for i, meta in ipairs(metas) do
    if readableMark(call('HGET', meta, field) or '') ~= marks[i] then return 'ownershipLost' end
  end
end
