-- Whether one more entry fits under a rule's `max_keys`: its key is in the rule's index already, or
-- fewer keys than that are. Keys past their expiry do not count, removed or not; index_add removes
-- them. Reads only, in O(log n): two fills that ask at once may both be told yes.
--
-- KEYS 1  the index, a sorted set: member the entry's key, score its expiry in Unix ms
-- ARGV 1  the entry's key
--      2  the bound
-- Reply: 1 there is room, 0 there is none.

local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))

local expiry = redis.pcall('ZSCORE', KEYS[1], ARGV[1])
if type(expiry) == 'table' then
    return 1 -- something else under our name: index_add will replace it
end
if expiry and tonumber(expiry) > tonumber(now) then
    return 1
end
local live = redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')
return live < tonumber(ARGV[2]) and 1 or 0
