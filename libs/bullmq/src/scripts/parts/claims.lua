-- The claims in the text that stand at `now`, the first `most` of them: what somebody wrote beyond is none. Line by line
-- and from the start of each: a pattern over the whole text takes a second for 4 kB of digits.
local function standingClaims(text, now, most, longestMs)
  local claims, from = {}, 1
  if #text > 4096 then return claims end
  while #claims < most do
    local to = string.find(text, '\n', from, true)
    if not to then break end
    local line = string.sub(text, from, to - 1)
    local at, owner = string.match(line, '^(%d+) (.+)$')
    local left = at and tonumber(at) - now
    if left and left > 0 and left <= longestMs then claims[#claims + 1] = { line = line, owner = owner } end
    from = to + 1
  end
  return claims
end
