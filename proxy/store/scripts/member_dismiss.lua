-- Asks a member no more that has been silent for a whole lease (protocol.md section 4): its lease
-- has run out, and its next renewal will be told that it was not listed. Its rules stay known until
-- its listing lapses: a member that was paused may come back with entries of its own.
--
-- KEYS 1  the members, a hash: member id to record (members.hpp)
-- ARGV 1  the member's id
--      2  its record as it was a lease ago: a renewal since then makes it another one
-- Reply: 1 when it was dismissed, else 0.

if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
    return 0
end
local head, rest = string.match(ARGV[2], '^(2 %d+ %d+ %x+ %d+ )1( .*)$')
if head then
    redis.call('HSET', KEYS[1], ARGV[1], head .. '0' .. rest)
else
    redis.call('HDEL', KEYS[1], ARGV[1])  -- nobody has written this for a lease who we could read
end
return 1
