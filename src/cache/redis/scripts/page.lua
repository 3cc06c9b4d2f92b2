-- PAGE: some members of a journal; an empty journal leaves the open set.
-- KEYS: P:j:{tag}:ID, P:o:{tag}, P:g:{tag}
-- ARGV: ID, how many members to pass over, how many to return
-- Returns the generation, how many members the journal has, and the page.
local offset = tonumber(ARGV[2])
local members = redis.call('ZRANGE', KEYS[1], offset, offset + ARGV[3] - 1)
local left = redis.call('ZCARD', KEYS[1])
if left == 0 then
  redis.call('SREM', KEYS[2], ARGV[1])
end
return {redis.call('GET', KEYS[3]), left, members}
