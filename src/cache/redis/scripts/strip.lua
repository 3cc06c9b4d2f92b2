-- STRIP: remove the entries that a page of a journal names, as PAGE, UNLINK and MARKER do one after another.
-- KEYS: P:j:{tag}:ID, P:deps
-- ARGV: how many members to pass over, how many to take, how many members the journal has
-- The members stay in the journal. Returns how many entries were removed; -1 where nothing was done:
-- another drain was here, or something may have been built from the entries.
if redis.call('ZCARD', KEYS[1]) ~= tonumber(ARGV[3]) or redis.call('EXISTS', KEYS[2]) == 1 then
  return -1
end
local members = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[1] + ARGV[2] - 1)
return #members > 0 and redis.call('UNLINK', unpack(members)) or 0
