-- Makes a consumer group, and the stream where there is none. Answers 1 where it was made, 0 where it is there.
-- KEYS: the stream. ARGV: group, the ID after which it begins: 0 or $.
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
if made.err then
  if string.find(made.err, 'BUSYGROUP', 1, true) then return 0 end
  return made
end
local stream = {}
local facts = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #facts, 2 do stream[facts[i]] = facts[i + 1] end
local added = stream['entries-added']
if added then
  -- What was trimmed before the group was made is not lost to it.
  local read = ARGV[2] == '$' and added or added - stream['length']
  redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2], 'ENTRIESREAD', read)
end
return 1
