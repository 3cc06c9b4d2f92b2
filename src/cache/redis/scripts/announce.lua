-- ANNOUNCE: a worker is alive for some time, or leaves.
-- KEYS: P:q:{N}:alive
-- ARGV: the worker, how many milliseconds (0: it leaves)
-- Returns how many are alive.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
-- As in CLAIM: of a clock that has gone back.
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('(%.0f', now + 60000), '+inf')
if tonumber(ARGV[2]) > 0 then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
  redis.call('PEXPIRE', KEYS[1], 60000)
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return redis.call('ZCARD', KEYS[1])
