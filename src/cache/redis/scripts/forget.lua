-- FORGET: remove a generation that no entry carries and that is so old that no fill can wait for it.
-- KEYS: P:g:{tag}, P:t:{tag}, P:o:{tag}
-- ARGV: for how many microseconds a generation is kept
-- Returns how many were removed.
local generation = tonumber(redis.call('GET', KEYS[1]) or '')
if not generation or redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then
  return 0
end
local time = redis.call('TIME')
if generation + ARGV[1] > time[1] * 1000000 + time[2] then
  return 0
end
return redis.call('DEL', KEYS[1])
