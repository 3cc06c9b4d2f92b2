-- Gives a consumer what the group has not read yet, and says what was trimmed away before it could be read.
-- KEYS: the stream. ARGV: group, consumer, most entries.
-- Answers {last ID delivered, entries lost, 1 where their number is certain, entries}.
local function named(list)
  local out = {}
  for i = 1, #list, 2 do out[list[i]] = list[i + 1] end
  return out
end

-- IDs have 64 bits a part, more than a number here: digits are compared.
local function is_after(a, b)
  local a1, a2 = string.match(a, '(%d+)%-(%d+)')
  local b1, b2 = string.match(b, '(%d+)%-(%d+)')
  local function less(x, y) return #x < #y or (#x == #y and x < y) end
  return less(b1, a1) or (a1 == b1 and less(b2, a2))
end

local found = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if found.err and not string.find(found.err, 'no such key', 1, true) then return found end
local group
for _, each in ipairs(found) do
  local this = named(each)
  if this['name'] == ARGV[1] then group = this end
end
if not group then return redis.error_reply('NOGROUP there is no such stream or group') end
local stream = named(redis.call('XINFO', 'STREAM', KEYS[1]))

local last = group['last-delivered-id']
local first = stream['first-entry'] and stream['first-entry'][1]
local added, read = stream['entries-added'], group['entries-read']
if added and last == stream['last-generated-id'] and read ~= added then
  -- All was read. A server that was restarted from its log may count otherwise.
  redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], last, 'ENTRIESREAD', added)
  read = added
end
local lost, certain = 0, 1
-- What follows the last one delivered begins later than it, or is all gone.
local from_front = first and is_after(first, last)
local all_gone = not first and is_after(stream['last-generated-id'], last)
if from_front or all_gone then
  local gone = added and added - stream['length']
  if gone and read then
    lost = math.max(gone - read, 0)
  elseif gone and last == '0-0' then
    -- Some of them may have gone before there was a group.
    lost, certain = gone, 0
  else
    -- A server before version 7, or an entry in the middle was deleted: nobody counts.
    lost, certain = -1, 0
  end
  if all_gone then last = stream['last-generated-id'] end
  if gone and (lost ~= 0 or all_gone) then
    -- The server goes on counting from what was read: it is told what will never be.
    redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], last, 'ENTRIESREAD', gone)
  elseif all_gone then
    redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], last)
  end
end

local answer = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], '>')
return {last, lost, certain, answer and answer[1][2] or {}}
