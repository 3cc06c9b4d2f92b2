-- ENQUEUE: put work into the queue; of equal work the earlier due time counts.
-- KEYS: P:q:{N}, P:q:{N}:alive
-- ARGV: how many items the queue takes, how late counts as overdue, and for each item its delay in
--       milliseconds and its member, no member twice
-- Returns how many were new (-1: they would exceed the bound, and nothing was changed), how many
-- items wait, how many workers are alive, and how many items are overdue.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local members, scored = {}, {}
for i = 3, #ARGV, 2 do
  members[#members + 1] = ARGV[i + 1]
  scored[#scored + 1] = string.format('%.0f', now + ARGV[i])
  scored[#scored + 1] = ARGV[i + 1]
end

local waiting = redis.call('ZCARD', KEYS[1])
local new = 0
for _, due in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(members))) do
  if not due then
    new = new + 1
  end
end
if new > 0 and waiting + new > tonumber(ARGV[1]) then
  return {-1, waiting, 0, 0}
end
redis.call('ZADD', KEYS[1], 'LT', unpack(scored))
local alive = redis.call('ZCOUNT', KEYS[2], string.format('(%.0f', now), string.format('%.0f', now + 60000))
local overdue = redis.call('ZCOUNT', KEYS[1], '-inf', string.format('(%.0f', now - ARGV[2]))
return {new, waiting + new, alive, overdue}
