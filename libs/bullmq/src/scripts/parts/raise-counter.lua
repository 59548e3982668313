-- Makes a counter at least `least`. A number without a fraction below 2^53.
local function raiseCounter(key, least)
  local value = tonumber(call('GET', key) or '') or 0
  if least > value then call('SET', key, string.format('%.0f', least)) end
end
