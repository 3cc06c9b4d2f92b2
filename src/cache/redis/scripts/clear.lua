-- CLEAR: drop small tags whole, at one go.
-- KEYS: P:deps, then the P:t:{tag} of all tags, then their P:g:{tag}, then their P:o:{tag}
-- ARGV: how many members a tag may have
-- A tag with more members, with an open journal, or from whose members something was built, is left
-- as it is, and so is one whose members may not be removed here: DROP does it in steps.
-- Returns for each tag how many entries went, or -1 where nothing was done.
local count = (#KEYS - 1) / 3
local most = tonumber(ARGV[1])

-- As in DROP: for a server that is full.
redis.pcall('SREM', KEYS[2 * count + 2], '')

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local generations = redis.call('MGET', unpack(KEYS, count + 2, 2 * count + 1))
local is_open = redis.call('EXISTS', unpack(KEYS, 2 * count + 2)) > 0
local has_dependencies = redis.call('EXISTS', KEYS[1]) == 1
local prefix = string.sub(KEYS[1], 1, -5)

local function may_have_dependents(members)
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

local function clear(position)
  if is_open and redis.call('EXISTS', KEYS[2 * count + 1 + position]) == 1 then
    return -1
  end
  local index = KEYS[1 + position]
  local members = redis.pcall('ZRANGE', index, 0, most)
  if members.err or #members > most or (has_dependencies and may_have_dependents(members)) then
    return -1
  end
  if #members == 0 then
    return 0
  end
  local gone = redis.pcall('UNLINK', index, unpack(members))
  return type(gone) == 'number' and gone - 1 or -1
end

local removed, raised = {}, {}
for position = 1, count do
  removed[position] = clear(position)
  if removed[position] >= 0 then
    local generation = math.max(now, (tonumber(generations[position] or 0) or 0) + 1)
    raised[#raised + 1] = KEYS[count + 1 + position]
    raised[#raised + 1] = string.format('%.0f', generation)
  end
end
if #raised > 0 then
  redis.call('MSET', unpack(raised))
end
return removed
