-- TOKEN: the generation of a tag, created from the server's clock when missing.
-- KEYS: P:g:{tag}
local generation = redis.call('GET', KEYS[1])
if not generation then
  local time = redis.call('TIME')
  generation = string.format('%.0f', time[1] * 1000000 + time[2])
  redis.call('SET', KEYS[1], generation)
end
return generation
