-- Where the last text of a JSON array of texts begins. Quotes within a text are escaped, so that `","` only stands between
-- two. Searched from the end, as a pattern would walk through all of it byte by byte.
local function lastTextAt(json)
  for _, length in ipairs({ 2048, #json }) do
    local found = string.find(string.reverse(string.sub(json, -length)), '","', 1, true)
    if found then return #json - found + 2 end
    if length >= #json then return 3 end
  end
end
