-- Merges one binding into its block. What it says only ever grows (renewed
-- later, begun earlier, start seen, ended, ended earlier), so writers may arrive in any order and repeat.
-- Times are base 36 milliseconds; "" is no time.
-- KEYS: 1 block of bindings
-- ARGV: 1 field, 2 from, 3 renewed, 4 to, 5 flags (s start seen, i ignored, n not told in the Start,
--       m imported),
--       6 subscriber, 7 time to live while a binding is open, ms, 8 the same
--       when all ended, 9 forget what ended before, ms, 10 forget what is open
--       and was not renewed since, ms
-- Returns 1 if the binding is new in its block, else 0.
-- A time to live is set anew when a sixteenth of it is over: most writes then
-- change one thing only, which costs Redis and its append-only file least.
local function keep(key, life)
  local left = redis.call('PTTL', key)
  life = tonumber(life)
  if left > life or left < life - life / 16 then
    redis.call('PEXPIRE', key, life)
  end
end

local function parse(value)
  return string.match(value, '^(%w+),(%w+),(%w*),(%l*),(.*)$')
end

local from, renewed, to, flags = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local ofrom, orenewed, oto, oflags
if stored then
  ofrom, orenewed, oto, oflags = parse(stored)
end
if ofrom then
  -- A start that was seen is known; one that was not can only prove earlier.
  local known, oknown = string.find(flags, 's', 1, true), string.find(oflags, 's', 1, true)
  if oknown or (not known and tonumber(ofrom, 36) < tonumber(from, 36)) then
    from = ofrom
  end
  -- Who knows of an end knows better what was renewed before it.
  if (oto ~= '') ~= (to ~= '') then
    if oto ~= '' then
      renewed = orenewed
    end
  elseif tonumber(orenewed, 36) > tonumber(renewed, 36) then
    renewed = orenewed
  end
  if oto ~= '' and (to == '' or tonumber(oto, 36) < tonumber(to, 36)) then
    to = oto
  end
  if string.find(oflags, 's', 1, true) and not string.find(flags, 's', 1, true) then
    flags = flags .. 's'
  end
  if string.find(oflags, 'i', 1, true) and not string.find(flags, 'i', 1, true) then
    flags = flags .. 'i'
  end
end
local value = from .. ',' .. renewed .. ',' .. to .. ',' .. flags .. ',' .. ARGV[6]

-- Forget what is too old, but only when the block grows: it then costs no more
-- than what was added.
local old = {}
local open = to == ''
if not stored or not open then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local _, r, t = parse(all[i + 1])
    if all[i] ~= ARGV[1] and r then
      local gone
      if t == '' then
        gone = tonumber(r, 36) < tonumber(ARGV[10])
      else
        gone = tonumber(t, 36) < tonumber(ARGV[9])
      end
      if gone then
        old[#old + 1] = all[i]
      elseif t == '' then
        open = true
      end
    end
  end
end

for _, field in ipairs(old) do
  redis.call('HDEL', KEYS[1], field)
end
if value ~= stored then
  redis.call('HSET', KEYS[1], ARGV[1], value)
end
keep(KEYS[1], open and ARGV[7] or ARGV[8])
return stored and 0 or 1
