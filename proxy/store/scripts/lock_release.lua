-- Releases a fill's lock, if it is still the caller's.
--
-- KEYS 1  the lock
-- ARGV 1  the owner's token
-- Reply: 1 released, 0 not the caller's.

if redis.pcall('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
