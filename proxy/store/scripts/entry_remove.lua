-- Removes a purged entry, unless it was filled under the tag's present generation meanwhile.
--
-- KEYS 1  the entry's key
-- ARGV 1  the tag and its present generation as they lie in an entry (entry_codec.cpp)
-- Reply: -1 removed; 0 nothing there, or nothing of ours; otherwise spared, with that many ms left.

-- Tags lie before the head: the first part of an entry holds them all.
local head = redis.pcall('GETRANGE', KEYS[1], 0, 65535)
if type(head) ~= 'string' or string.sub(head, 1, 3) ~= 'SCE' then
    return 0
end
if string.find(head, ARGV[1], 1, true) then
    return math.max(1, redis.call('PTTL', KEYS[1]))
end
redis.call('UNLINK', KEYS[1])
return -1
