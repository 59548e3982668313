-- Who takes care of a queue's jobs leaves them alone while a restore fills it: what it has put there is compared with the
-- backup before anything happens to it.
local function restoreRefusal(metas)
  for _, meta in ipairs(metas) do
    local mark = call('HGET', meta, 'redis-queue:restore')
    if mark and not string.find(mark, ' held', 1, true) then return 'ownershipLost' end
  end
end
