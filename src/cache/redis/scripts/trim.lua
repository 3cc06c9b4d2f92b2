-- TRIM: take a page of members out of a journal, given by its ends.
-- KEYS: P:j:{tag}:ID
-- ARGV: first member, last member, how many there are from one to the other
-- Nothing is ever added to a journal: where as many members lie between the ends as when the page was
-- read, they are the same. Returns how many were taken out; 0 when another drain was here.
local from = redis.call('ZRANK', KEYS[1], ARGV[1])
local to = redis.call('ZRANK', KEYS[1], ARGV[2])
if from and to and to - from + 1 == tonumber(ARGV[3]) then
  return redis.call('ZREMRANGEBYRANK', KEYS[1], from, to)
end
return 0
