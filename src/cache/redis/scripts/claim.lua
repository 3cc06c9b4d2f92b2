-- CLAIM: put the items of ended leases back, and lease waiting ones.
-- KEYS: P:q:{N}, P:q:{N}:lease, P:q:{N}:tok
-- ARGV: what to do, the token, how many items to take, the lease in milliseconds, and for
--   'due':    how many milliseconds from now an item may be due ('all': any)
--   'these':  the members to take, waiting or leased
--   'recall': nothing; every lease ends, and nothing is taken
-- Returns the members taken, in how many milliseconds the next item is due (nil: there is none), and
-- how many leases have ended.
-- The first write of each part is one that a full server allows; after it the server lets it finish.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local page = 1000
-- Nothing lies further ahead, unless the clock has gone back since: that is due, or ended, too.
local far = string.format('(%.0f', now + 60000)

local ended = {}
if ARGV[1] ~= 'these' then
  local cutoff = ARGV[1] == 'recall' and '+inf' or string.format('%.0f', now)
  ended = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', cutoff, 'LIMIT', 0, page)
  if cutoff ~= '+inf' and #ended < page then
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], far, '+inf', 'LIMIT', 0, page - #ended)) do
      ended[#ended + 1] = member
    end
  end
end
if #ended > 0 then
  local due = {}
  for _, member in ipairs(ended) do
    due[#due + 1] = string.format('%.0f', now)
    due[#due + 1] = member
  end
  redis.call('ZREM', KEYS[2], unpack(ended))
  redis.call('HDEL', KEYS[3], unpack(ended))
  redis.call('ZADD', KEYS[1], 'LT', unpack(due))
end

local taken = {}
if ARGV[1] == 'due' then
  local cutoff = '+inf'
  if ARGV[5] ~= 'all' then
    cutoff = string.format('%.0f', now + ARGV[5])
  end
  taken = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', cutoff, 'LIMIT', 0, ARGV[3])
  local room = ARGV[3] - #taken
  if room > 0 and ARGV[5] ~= 'all' and tonumber(ARGV[5]) <= 60000 then
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], far, '+inf', 'LIMIT', 0, room)) do
      taken[#taken + 1] = member
    end
  end
elseif ARGV[1] == 'these' then
  local members = {unpack(ARGV, 5)}
  local waiting = redis.call('ZMSCORE', KEYS[1], unpack(members))
  local leased = redis.call('ZMSCORE', KEYS[2], unpack(members))
  for i, member in ipairs(members) do
    if waiting[i] or leased[i] then
      taken[#taken + 1] = member
    end
  end
end
if #taken > 0 then
  local leases, tokens = {}, {}
  for _, member in ipairs(taken) do
    leases[#leases + 1] = string.format('%.0f', now + ARGV[4])
    leases[#leases + 1] = member
    tokens[#tokens + 1] = member
    tokens[#tokens + 1] = ARGV[2]
  end
  redis.call('ZREM', KEYS[1], unpack(taken))
  redis.call('ZADD', KEYS[2], unpack(leases))
  redis.call('HSET', KEYS[3], unpack(tokens))
end

local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if next then
  next = math.max(0, next - now)
end
return {taken, next or false, #ended}
