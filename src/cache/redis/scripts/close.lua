-- CLOSE: remove a journal all of whose members are gone.
-- KEYS: P:j:{tag}:ID, P:o:{tag}
-- ARGV: ID, how many members it had when they were read
-- Nothing is ever added to a journal: as many members are the same members. Their memory is freed in
-- the background. Returns 1 when it is removed, 0 when another drain was here.
if redis.call('ZCARD', KEYS[1]) ~= tonumber(ARGV[2]) then
  return 0
end
redis.call('UNLINK', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[1])
return 1
