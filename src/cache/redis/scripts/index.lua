-- INDEX: enter a key in the index of a tag, unless the tag was dropped since its generation was read.
-- KEYS: P:g:{tag}, P:t:{tag}
-- ARGV: the generation, KEY, its TTL in ms (0: none)
-- For a cluster, where the key may be on another node. Returns 1 when it is entered, 0 when it is refused.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl = tonumber(ARGV[3])
-- As in PUBLISH.
local score = string.format('%.0f', now + (ttl > 0 and ttl or 3162240000000))
redis.call('ZADD', KEYS[2], 'GT', score, ARGV[2])
return 1
