-- PRUNE: move members whose entries have expired to a journal of their own.
-- KEYS: P:t:{tag}, P:o:{tag}, P:j:{tag}:ID
-- ARGV: ID, how many at most
-- Returns how many were moved.
if redis.call('EXISTS', KEYS[3]) == 1 then
  -- It was asked before, and the answer was lost. Nothing is ever added to a journal.
  return redis.call('ZCARD', KEYS[3])
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit = '(' .. string.format('%.0f', now)
local expired = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', limit, 'WITHSCORES', 'LIMIT', 0, ARGV[2])
if #expired == 0 then
  return 0
end
-- As in DROP: for a server that is full.
redis.call('SREM', KEYS[2], '')
local moved = {}
for i = 1, #expired, 2 do
  moved[i] = expired[i + 1]
  moved[i + 1] = expired[i]
end
redis.call('ZADD', KEYS[3], unpack(moved))
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, #expired / 2 - 1)
return #expired / 2
