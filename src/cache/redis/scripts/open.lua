-- OPEN: the journals of a tag that are not finished.
-- KEYS: P:g:{tag}, P:o:{tag}
-- ARGV: how many to name
-- Returns as DROP does.
local open = redis.call('SCARD', KEYS[2])
local ids = {}
if open > 0 then
  ids = redis.call('SRANDMEMBER', KEYS[2], ARGV[1])
end
return {redis.call('GET', KEYS[1]), 0, open, ids}
