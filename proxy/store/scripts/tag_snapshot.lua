-- A fill's snapshot of a tag: creates it, sweeps marks past their deadline, extends its life.
--
-- KEYS 1  the tag
-- ARGV 1  fresh generation, 32 hex digits
--      2  how long the tag must live at least, ms
-- Reply: the tag's value.

local value = settle(KEYS[1], ARGV[1], tonumber(ARGV[2]))
return save(KEYS[1], value)
