-- Sets a mutation's mark, or renews its own; takes the tag's expiry away and notes it.
--
-- KEYS 1  the tag
-- ARGV 1  fresh generation, 32 hex digits
--      2  how long the tag must live at least, ms
--      3  the mutation, 32 hex digits
--      4  "m" marker or "i" intent; a marker is never weakened
--      5  the mark's life, ms
-- Reply: the tag's value.

local value = settle(KEYS[1], ARGV[1], tonumber(ARGV[2]))
local deadline = now + tonumber(ARGV[5])
local _, own = own_mark(value, ARGV[3])
if own then
    if ARGV[4] == 'm' then
        own.kind = 'm'
    end
    own.deadline = math.max(own.deadline, deadline)
else
    value.marks[#value.marks + 1] = {kind = ARGV[4], mutation = ARGV[3], deadline = deadline}
end
return save(KEYS[1], value)
