-- SETTLE: say what becomes of claimed items, those that the token still holds.
-- KEYS: P:q:{N}, P:q:{N}:lease, P:q:{N}:tok
-- ARGV: 'done', 'again' or 'longer', the token, a time in milliseconds from now, and the members
-- Returns how many the token held.
local members = {unpack(ARGV, 4)}
local held = {}
for i, token in ipairs(redis.call('HMGET', KEYS[3], unpack(members))) do
  if token == ARGV[2] then
    held[#held + 1] = members[i]
  end
end
if #held == 0 then
  return 0
end
local scored = {}
if ARGV[1] ~= 'done' then
  local time = redis.call('TIME')
  local score = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3])
  for _, member in ipairs(held) do
    scored[#scored + 1] = score
    scored[#scored + 1] = member
  end
end
if ARGV[1] == 'longer' then
  redis.call('ZADD', KEYS[2], 'XX', unpack(scored))
else
  redis.call('ZREM', KEYS[2], unpack(held))
  redis.call('HDEL', KEYS[3], unpack(held))
  if ARGV[1] == 'again' then
    redis.call('ZADD', KEYS[1], 'LT', unpack(scored))
  end
end
return #held
