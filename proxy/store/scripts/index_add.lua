-- Notes in a tag's index that an entry carries the tag, so that a purge finds it without a scan.
-- The index lives as long as the entries in it; a bounded number of expired ones goes on the way.
--
-- KEYS 1  the index, a sorted set: member the entry's key, score its expiry in Unix ms
-- ARGV 1  the entry's key
--      2  its life from now, ms
-- Reply: 1.

local trim = 16
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local life = tonumber(ARGV[2])
local until_ms = string.format('%.0f', now + life)

local added = redis.pcall('ZADD', KEYS[1], until_ms, ARGV[1])
if type(added) == 'table' and added.err then
    -- Something else under our name: the index is made anew.
    redis.call('DEL', KEYS[1])
    redis.call('ZADD', KEYS[1], until_ms, ARGV[1])
end
local past = redis.call(
    'ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, trim)
if #past > 0 then
    redis.call('ZREM', KEYS[1], unpack(past))
end
if redis.call('PTTL', KEYS[1]) < life then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
