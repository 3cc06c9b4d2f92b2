-- TICKET: what stands at a key for as long as it is not dropped; a plain entry makes room for it.
-- KEYS: KEY
-- ARGV: a new name, how long a ticket without a value lives in ms
-- Returns the ticket's name: the one that stands there already, else the new one.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'string' then
  redis.call('UNLINK', KEYS[1])
end
-- Raises WRONGTYPE for what is neither an entry nor nothing.
local ticket = redis.call('HGET', KEYS[1], 'p')
local filled = redis.call('HEXISTS', KEYS[1], 'v') == 1
if kind == 'hash' and not ticket and not filled then
  return redis.error_reply('WRONGTYPE the key holds a hash that is no cache entry')
end
if not ticket then
  ticket = ARGV[1]
  redis.call('HSET', KEYS[1], 'p', ticket)
end
if not filled then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return ticket
