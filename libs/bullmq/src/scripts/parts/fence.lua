-- Nothing is written after the deadline, nor when the owner mark of a queue is another one than the caller has read.
local function refusal(metas, field, marks, untilMs)
  local time = call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) > tonumber(untilMs) then return 'late' end
  for i, meta in ipairs(metas) do
    local mark = call('HGET', meta, field) or ''
    -- As read-policy.lua reads it.
    if #mark > 4096 then mark = redis.sha1hex(mark) end
    if mark ~= marks[i] then return 'ownershipLost' end
  end
end
