-- MISSING: move members whose entries were not there to a journal of their own.
-- KEYS: P:t:{tag}, P:o:{tag}, P:j:{tag}:ID
-- ARGV: ID, then score and member of each
-- A member whose score has changed was stored again and stays. Returns how many were moved.
if redis.call('EXISTS', KEYS[3]) == 1 then
  -- It was asked before, and the answer was lost. Nothing is ever added to a journal.
  return redis.call('ZCARD', KEYS[3])
end
-- As in DROP: for a server that is full.
redis.call('SREM', KEYS[2], '')
local moved = 0
for i = 2, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i + 1]) == ARGV[i] then
    redis.call('ZADD', KEYS[3], ARGV[i], ARGV[i + 1])
    redis.call('ZREM', KEYS[1], ARGV[i + 1])
    moved = moved + 1
  end
end
if moved > 0 then
  redis.call('SADD', KEYS[2], ARGV[1])
end
return moved
