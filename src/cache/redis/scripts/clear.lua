-- CLEAR: drop small tags whole, at one go.
-- KEYS: P:deps, then the P:t:{tag} of all tags, then their P:g:{tag}, then their P:o:{tag}
-- ARGV: how many members a tag may have
-- A tag with more members, with an open journal, or from whose members something was built, is left
-- as it is, and so is one whose members may not be removed here: DROP does it in steps.
-- Returns for each tag how many entries went, or -1 where nothing was done.
local count = (#KEYS - 1) / 3
local most = tonumber(ARGV[1])

local time = redis.call('TIME')
-- To read a number, or to write it as text, takes the server longer than most commands: it stays text.
local now = time[1] .. string.sub('00000' .. time[2], -6)
-- Mostly there is neither an open journal nor a marker, which one call tells.
local is_marked = redis.call('EXISTS', KEYS[1], unpack(KEYS, 2 * count + 2)) > 0
local is_open = is_marked and redis.call('EXISTS', unpack(KEYS, 2 * count + 2)) > 0
local has_dependencies = is_marked and redis.call('EXISTS', KEYS[1]) == 1

local may_have_dependents = has_dependencies and function(members)
  local prefix = string.sub(KEYS[1], 1, -5)
  for _, member in ipairs(members) do
    -- Some keys have another name there.
    if string.find(member, '^=') or string.find(member, '[%c{}]') then
      return true
    end
    local name = ':{=' .. member .. '}'
    if redis.pcall('EXISTS', prefix .. 'g' .. name, prefix .. 't' .. name, prefix .. 'o' .. name) ~= 0 then
      return true
    end
  end
  return false
end

local removed, dropped = {}, 0
local has_written = false
for position = 1, count do
  local gone = -1
  if not (is_open and redis.call('EXISTS', KEYS[2 * count + 1 + position]) == 1) then
    local index = KEYS[1 + position]
    local members = redis.pcall('ZRANGE', index, '0', ARGV[1])
    if not members.err and #members <= most and not (may_have_dependents and may_have_dependents(members)) then
      if #members == 0 then
        gone = 0
      else
        gone = redis.pcall('UNLINK', index, unpack(members))
        has_written = has_written or type(gone) == 'number'
        gone = type(gone) == 'number' and gone - 1 or -1
      end
    end
  end
  removed[position] = gone
  dropped = gone >= 0 and dropped + 1 or dropped
end
if dropped == 0 then
  return removed
end

if not has_written then
  -- As in DROP: for a server that is full.
  redis.pcall('SREM', KEYS[2 * count + 2], '')
end
local generations
if count == 1 then
  -- One command for what takes several tags two. Mostly that is all.
  local before = redis.pcall('SET', KEYS[3], now, 'GET')
  if not before or type(before) == 'string' and (tonumber(before) or 0) < tonumber(now) then
    return removed
  end
  generations = { before }
else
  generations = redis.call('MGET', unpack(KEYS, count + 2, 2 * count + 1))
end
local raised = {}
for position = 1, count do
  if removed[position] >= 0 then
    local before = tonumber(generations[position] or 0)
    raised[#raised + 1] = KEYS[count + 1 + position]
    raised[#raised + 1] = before and before >= tonumber(now) and string.format('%.0f', before + 1) or now
  end
end
redis.call('MSET', unpack(raised))
return removed
