-- What makes a job scheduler the one that it is; a run's number and its phase are left out.
local DEFINITION = { 'name', 'data', 'opts', 'pattern', 'tz', 'every', 'limit', 'startDate', 'endDate' }

-- The definition as one text; nil when it is not as long as the one it is compared with, and so another one: nobody's
-- text of any length is read for that.
local function definitionOf(schedulerKey, bytes)
  local stored = 0
  for _, field in ipairs(DEFINITION) do stored = stored + call('HSTRLEN', schedulerKey, field) end
  if stored ~= bytes then return nil end
  local texts = call('HMGET', schedulerKey, unpack(DEFINITION))
  for i, text in ipairs(texts) do texts[i] = text and #text .. ':' .. text or '-' end
  return table.concat(texts, ' ')
end

-- When the next run of a scheduler is due, as a text of digits; nil: there is no such scheduler that a worker could read.
local function dueOf(base, scheduler)
  local due = call('ZSCORE', base .. 'repeat', scheduler)
  return due and string.match(due, '^%d+$') and #due < 16 and due or nil
end

-- What has become of the job of a run: `gone`, `over`, `taken` by a worker, or `pending`.
local function runState(jobKey)
  if call('EXISTS', jobKey) == 0 then return 'gone' end
  if call('HEXISTS', jobKey, 'finishedOn') == 1 then return 'over' end
  return call('HEXISTS', jobKey, 'processedOn') == 1 and 'taken' or 'pending'
end
