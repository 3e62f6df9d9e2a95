-- Takes a mutation's mark off again.
--
-- KEYS 1  the tag
-- ARGV 1  fresh generation, 32 hex digits
--      2  how long the tag must live at least, ms
--      3  the mutation, 32 hex digits
--      4  "b" bump, "c" clear (the generation stays), "k" bump and keep a marker
--      5  for "k": the marker's life, ms; its deadline is never drawn in
-- Reply: {1 when the mutation's own mark was there and not past, else 0; the tag's value}.

local value = settle(KEYS[1], ARGV[1], tonumber(ARGV[2]))
local place, own = own_mark(value, ARGV[3])
local had_mark = own and 1 or 0
if ARGV[4] ~= 'c' then
    value.gen = ARGV[1]
end
if ARGV[4] == 'k' then
    local deadline = now + tonumber(ARGV[5])
    if own then
        own.kind = 'm'
        own.deadline = math.max(own.deadline, deadline)
    else
        value.marks[#value.marks + 1] = {kind = 'm', mutation = ARGV[3], deadline = deadline}
    end
elseif own then
    table.remove(value.marks, place)
end
return {had_mark, save(KEYS[1], value)}
