-- An owner mark as it is read and compared: of one over 4 kB its SHA-1 in hex, so that no reply carries it.
local function readableMark(mark) return #mark > 4096 and redis.sha1hex(mark) or mark end
