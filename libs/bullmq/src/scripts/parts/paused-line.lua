-- Whether the jobs of a queue that is paused are kept in the list `paused`, as BullMQ before v6 does. Its pause and resume
-- put one list in the other's place: what is in the other one then is lost. `version` of `meta` is absent with some of its
-- releases, with `skipMetasUpdate` and after a flush, so only of v6, whose resume moves back what is in `paused` as well,
-- is it certain that `wait` is safe: unless jobs are in `paused`, which a client before v6 beside it has put there.
local function keepsPausedApart(version, base)
  local major = string.match(version or '', '^bullmq:(%d+)%.')
  return not (major and tonumber(major) >= 6) or redis.call('EXISTS', base .. 'paused') == 1
end
