-- REAP: remove entries that an index held before it was dropped.
-- KEYS: some members
-- ARGV: tag, the tag's generation
-- An entry filled under a fence since then, or one that does not carry the tag any more, stays and
-- only loses its ticket. Returns how many were removed.
local removed = 0
for _, key in ipairs(KEYS) do
  local stamps = redis.call('TYPE', key).ok == 'hash' and redis.call('HGET', key, 's')
  local stays = stamps and true
  if stamps then
    for tag, generation in string.gmatch(stamps, '([^\n]+)=(%d+)') do
      if tag == ARGV[1] then
        stays = generation == ARGV[2]
      end
    end
  end
  if stays then
    redis.call('HDEL', key, 'p')
  else
    removed = removed + redis.call('UNLINK', key)
  end
end
return removed
