-- Extends a fill's lock, if it is still the caller's.
--
-- KEYS 1  the lock
-- ARGV 1  the owner's token
--      2  its life from now, ms
-- Reply: 1 extended, 0 not the caller's.

if redis.pcall('GET', KEYS[1]) == ARGV[1] then
    return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
