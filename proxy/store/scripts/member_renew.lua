-- Lists a member, or renews its listing (protocol.md section 3.8).
--
-- KEYS 1  the members, a hash: member id to record (members.hpp)
-- ARGV 1  the member's id
--      2  how long its listing holds, ms
--      3  the record's rest: fingerprint and rule names
--      4  "1": drop other members' records that have lapsed
-- Reply: 1 when it was listed and had not lapsed, else 0.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function is_alive(record)
    local lapse = string.match(record, '^1 (%d+) ')
    return lapse and tonumber(lapse) > now
end

local before = redis.call('HGET', KEYS[1], ARGV[1])
local was_listed = before and is_alive(before) and 1 or 0
if ARGV[4] == '1' then
    local all = redis.call('HGETALL', KEYS[1])
    for i = 1, #all, 2 do
        if all[i] ~= ARGV[1] and not is_alive(all[i + 1]) then
            redis.call('HDEL', KEYS[1], all[i])
        end
    end
end
local lapse = string.format('%.0f', now + tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], ARGV[1], '1 ' .. lapse .. ' ' .. ARGV[3])
return was_listed
