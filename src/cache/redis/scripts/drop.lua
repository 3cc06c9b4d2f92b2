-- DROP: raise the generation and set the index aside as a journal, whatever its size.
-- KEYS: P:g:{tag}, P:t:{tag}, P:o:{tag}, P:j:{tag}:ID, and on one node P:q:{N}:lease, P:q:{N}:tok
-- ARGV: ID, how many open journals to name, and how many there may be for the index to be set aside
-- (0: however many). A tag that is dropped lazily over and over keeps its index; `+` among the open
-- journals then says that it holds members to be collected. For one node, then: how many members make it a
-- large one, the work to be leased where it is, the token, and the lease in milliseconds.
-- Returns the generation, 1 when there was an index, the number of open journals, and their IDs.

-- A write that a full server allows, of no effect. Once a script has written, the server lets it
-- finish, so that a cache without memory can still be made smaller.
redis.call('SREM', KEYS[3], '')

local time = redis.call('TIME')
local generation = time[1] * 1000000 + time[2]
local previous = tonumber(redis.call('GET', KEYS[1]) or 0) or 0
if generation <= previous then
  generation = previous + 1
end
generation = string.format('%.0f', generation)
redis.call('SET', KEYS[1], generation)

local moved = 0
local most = tonumber(ARGV[3])
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SREM', KEYS[3], '+')
elseif most > 0 and redis.call('SCARD', KEYS[3]) >= most then
  redis.call('SADD', KEYS[3], '+')
else
  -- A sorted set and nothing else may become a journal: this raises WRONGTYPE otherwise.
  redis.call('ZCARD', KEYS[2])
  moved = redis.call('RENAMENX', KEYS[2], KEYS[4])
  if moved == 1 then
    redis.call('SADD', KEYS[3], ARGV[1])
    redis.call('SREM', KEYS[3], '+')
    -- Who dies over a large one has left word of it from the start.
    if KEYS[5] and redis.call('ZCARD', KEYS[4]) > tonumber(ARGV[4]) then
      local until_ms = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[7]
      redis.call('ZADD', KEYS[5], string.format('%.0f', until_ms), ARGV[5])
      redis.call('HSET', KEYS[6], ARGV[5], ARGV[6])
    end
  end
end

local open = redis.call('SCARD', KEYS[3])
local ids = {}
if open > 0 then
  ids = redis.call('SRANDMEMBER', KEYS[3], ARGV[2])
end
return {generation, moved, open, ids}
