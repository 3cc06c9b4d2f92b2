-- PUBLISH: store what was read under a fence, unless something was dropped since.
-- KEYS: KEY, then on one node P:g:{tag} and P:t:{tag} of every tag and dependency, which it enters too; in a
-- cluster INDEX has done that
-- ARGV: ticket, value, stamps, TTL in ms (0: none), then the generation of every tag
-- Returns 1 when it is stored, 0 when it is refused. Looks at everything before it writes anything.
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' or redis.call('HGET', KEYS[1], 'p') ~= ARGV[1] then
  return 0
end
for i = 2, #KEYS, 2 do
  if redis.call('GET', KEYS[i]) ~= ARGV[4 + i / 2] then
    return 0
  end
  -- An index of another type raises WRONGTYPE here.
  redis.call('ZCARD', KEYS[i + 1])
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl = tonumber(ARGV[4])
-- A hundred years: nothing prunes it, and it is not the infinity of a dependency recorded ahead.
local score = string.format('%.0f', now + (ttl > 0 and ttl or 3162240000000))
for i = 3, #KEYS, 2 do
  redis.call('ZADD', KEYS[i], 'GT', score, KEYS[1])
end
-- Its own ticket stays: others that fill the same key took the same one.
redis.call('HSET', KEYS[1], 'v', ARGV[2], 's', ARGV[3])
if ttl > 0 then
  redis.call('PEXPIRE', KEYS[1], ttl)
else
  redis.call('PERSIST', KEYS[1])
end
return 1
