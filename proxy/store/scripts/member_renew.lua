-- Lists a member, or renews its listing (protocol.md sections 3.8 and 4).
--
-- KEYS 1  the members, a hash: member id to record (members.hpp)
-- ARGV 1  the member's id
--      2  how long its listing holds, ms
--      3  the number of this renewal, the member's own count
--      4  fresh join number, 32 hex digits
--      5  its lease, ms
--      6  "1" it may serve from a near cache from now on, "0" it does not, "=" as it was
--      7  the record's rest: fingerprint and rule names
--      8  "1": drop other members' records that have lapsed
-- Reply: {1 when it was listed for the same and had not lapsed, 0 when it has joined anew with
--         this, -1 when a later renewal had overtaken this one (nothing was done); join number;
--         1 when it was listed until now, be it for less}.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function read(record)
    local lapse, count, join, near = string.match(record, '^2 (%d+) (%d+) (%x+) %d+ ([01]) ')
    if lapse then
        return {lapse = tonumber(lapse), count = tonumber(count), join = join, near = near}
    end
end

local record = redis.pcall('HGET', KEYS[1], ARGV[1])
if type(record) == 'table' and record.err then
    -- Not a hash: somebody else has written here. The list is made anew, as after an eviction.
    redis.call('DEL', KEYS[1])
    record = false
end
local before = record and read(record)
if before and before.count >= tonumber(ARGV[3]) then
    return {-1, before.join, 1}
end
if before and before.lapse <= now then
    before = nil
end
if ARGV[8] == '1' then
    local all = redis.call('HGETALL', KEYS[1])
    for i = 1, #all, 2 do
        local other = read(all[i + 1])
        if all[i] ~= ARGV[1] and other and other.lapse <= now then
            redis.call('HDEL', KEYS[1], all[i])
        end
    end
end
local near = ARGV[6]
if near == '=' then
    near = before and before.near or '0'
end
-- Who was not asked by mutations until now joins anew.
local stays = before and (before.near == '1' or near == '0')
local join = stays and before.join or ARGV[4]
local lapse = string.format('%.0f', now + tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], ARGV[1],
    table.concat({'2', lapse, ARGV[3], join, ARGV[5], near, ARGV[7]}, ' '))
return {stays and 1 or 0, join, before and 1 or 0}
