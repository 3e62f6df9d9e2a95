-- Tag values inside Redis: the same behaviour as tag_value.cpp, held to it by a test that runs both
-- side by side. Put before tag_snapshot, tag_begin and tag_end; the format is in tag_value.hpp.

local ID = string.rep('[0-9a-f]', 32)
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function digits(n)
    return string.format('%.0f', n)
end

-- {gen, keep, marks = {{kind, mutation, deadline}...}}, or nil when these bytes are no tag value.
local function parse(bytes)
    local gen, at = string.match(bytes, '^(' .. ID .. ')()')
    if not gen then
        return nil
    end
    local value = {gen = gen, keep = 0, marks = {}}
    local keep, after = string.match(bytes, '^;x(%d+)()', at)
    if keep then
        if #keep > 15 then
            return nil
        end
        value.keep = tonumber(keep)
        at = after
    end
    while at <= #bytes do
        local kind, mutation, deadline, rest =
            string.match(bytes, '^;([mi])(' .. ID .. ')@(%d+)()', at)
        if not kind or #deadline > 15 then
            return nil
        end
        value.marks[#value.marks + 1] =
            {kind = kind, mutation = mutation, deadline = tonumber(deadline)}
        at = rest
    end
    return value
end

local function format(value)
    local parts = {value.gen}
    if value.keep > 0 and #value.marks > 0 then
        parts[#parts + 1] = 'x' .. digits(value.keep)
    end
    for _, mark in ipairs(value.marks) do
        parts[#parts + 1] = mark.kind .. mark.mutation .. '@' .. digits(mark.deadline)
    end
    return table.concat(parts, ';')
end

-- A missing tag is made, marks past their deadline go and count as a change; value.keep then holds
-- the expiry that the tag is owed, marked or not.
local function settle(key, fresh, keep)
    local bytes = redis.pcall('GET', key)
    -- A table is the error of another type under this key: SET will replace it.
    local value = type(bytes) == 'string' and parse(bytes) or nil
    local owed = 0
    if value then
        local left = redis.call('PTTL', key)
        owed = math.max(value.keep, left >= 0 and now + left or 0)
        local alive = {}
        for _, mark in ipairs(value.marks) do
            if mark.deadline > now then
                alive[#alive + 1] = mark
            end
        end
        if #alive < #value.marks then
            value.gen = fresh
        end
        value.marks = alive
    else
        value = {gen = fresh, marks = {}}
    end
    value.keep = math.max(owed, now + keep)
    return value
end

-- Writes the value and returns its bytes: with its expiry while it has no mark, without while it
-- has one.
local function save(key, value)
    local bytes = format(value)
    if #value.marks == 0 then
        redis.call('SET', key, bytes, 'PX', digits(math.max(1, value.keep - now)))
    else
        redis.call('SET', key, bytes)
    end
    return bytes
end

local function own_mark(value, mutation)
    for i, mark in ipairs(value.marks) do
        if mark.mutation == mutation then
            return i, mark
        end
    end
    return nil
end
