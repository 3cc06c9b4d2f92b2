-- Takes consumers away that were not heard of for long, and the one that leaves. One that has entries pending is never
-- taken away, since these would go with it. Answers how many.
-- KEYS: the stream. ARGV: group, this consumer, 1 where it leaves, milliseconds.
local forgotten = 0
for _, facts in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #facts, 2 do consumer[facts[i]] = facts[i + 1] end
  local goes = consumer['idle'] >= tonumber(ARGV[4])
  if consumer['name'] == ARGV[2] then goes = ARGV[3] == '1' end
  if goes and consumer['pending'] == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    forgotten = forgotten + 1
  end
end
return forgotten
