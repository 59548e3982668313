-- The names of the job schedulers that `owner` has written here: the text has the owner in its first line, and a name in
-- each further one. Of another owner, or of over 8 kB, it names none.
local function schedulersOf(text, owner)
  local names = {}
  if not text or #text > 8192 then return names end
  local first = true
  for line in string.gmatch(text, '[^\n]+') do
    if first and line ~= owner then return names end
    if not first then names[#names + 1] = line end
    first = false
  end
  return names
end

-- Stores the list with the name in it, or without.
local function noteScheduler(meta, field, owner, scheduler, declared)
  local text = call('HSTRLEN', meta, field) <= 8192 and call('HGET', meta, field) or nil
  local lines = { owner }
  for _, name in ipairs(schedulersOf(text, owner)) do
    if name ~= scheduler then lines[#lines + 1] = name end
  end
  if declared then lines[#lines + 1] = scheduler end
  if #lines == 1 then
    call('HDEL', meta, field)
  else
    call('HSET', meta, field, table.concat(lines, '\n'))
  end
end
