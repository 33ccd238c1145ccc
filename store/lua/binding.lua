-- Merges one binding into its block, or a slice of ports. What it says only grows
-- (renewed later, start seen, ended, ended earlier), so writers may arrive in any order
-- and repeat. Since when it was held, and by whom, is what the highest version of its
-- session's record says, and so is what confirmed it last before its end; without
-- versions the start that was seen counts, else the earliest.
-- Times are base 36 milliseconds; "" is no time.
-- KEYS: 1 block of bindings
-- ARGV: 1 field, 2 from, 3 renewed, 4 to, 5 flags (s start seen, i ignored, n not reported in the Start,
--       m imported, e nothing reports its end), then the version of the session's record in capital letters and
--       digits, if there is one,
--       6 who held it: subscriber, and if they are there, each after a comma, the place
--       before the translator, by when at the latest it was held, and which record
--       listed it last, 7 time to live
--       while a binding is open, ms, 8 the same when all ended, 9 forget what ended
--       before, ms, 10 forget what is open and was not renewed since, ms
-- What ended while another binding of the same prefix, or the same ports, was open is
-- kept for as long as that one: it may show that its Stop is missing.
-- Returns 1 if the binding is new in its block, else 0.
-- The field o holds how many bindings of the block are open, a comma, and how many
-- may come before what is too old is forgotten: looking through a block then costs
-- no more than what was added since. What it says wrongly, should another program
-- write there, costs memory, or ends the block of a session that no record has
-- renewed for as long as history.
local function parse(value)
  return string.match(value, '^(%w+),(%w+),(%w*),(%l*)([%u%d]*),(.*)$')
end

local from, renewed, to, holder = ARGV[2], ARGV[3], ARGV[4], ARGV[6]
local flags, version = string.match(ARGV[5], '^(%l*)([%u%d]*)$')
local read = redis.call('HMGET', KEYS[1], ARGV[1], 'o')
local stored = read[1]
local ofrom, orenewed, oto, oflags, oversion, oholder
if stored then
  ofrom, orenewed, oto, oflags, oversion, oholder = parse(stored)
end
if ofrom then
  local versions = version ~= '' and oversion ~= ''
  local has = function(letters, letter) return string.find(letters, letter, 1, true) end
  local later = (tonumber(version, 36) or 0) - (tonumber(oversion, 36) or 0)
  local ignored = has(flags, 'i') or has(oflags, 'i')
  if version ~= '' and later < 0 then
    from, flags, version, holder = ofrom, oflags, oversion, oholder
  elseif version == '' or later == 0 or oversion == '' then
    local seen, known = has(flags, 's'), has(oflags, 's')
    if known or (not seen and tonumber(ofrom, 36) < tonumber(from, 36)) then
      from = ofrom
    end
    if known and not seen then
      flags = flags .. 's'
    end
    if version == '' then
      version = oversion
    end
  end
  if ignored and not has(flags, 'i') then
    flags = flags .. 'i'
  end
  -- Who knows of an end knows better what was renewed before it.
  if (oto ~= '') ~= (to ~= '') then
    if oto ~= '' then
      renewed = orenewed
    end
  elseif to ~= '' and versions and later ~= 0 then
    if later < 0 then
      renewed = orenewed
    end
  elseif tonumber(orenewed, 36) > tonumber(renewed, 36) then
    renewed = orenewed
  end
  if oto ~= '' and (to == '' or tonumber(oto, 36) < tonumber(to, 36)) then
    to = oto
  end
end
local value = from .. ',' .. renewed .. ',' .. to .. ',' .. flags .. version .. ',' .. holder

-- What of a field says which prefix of the block, or which ports.
local function place(field)
  return string.match(field, '^n[%d%-]+~') or string.sub(field, 1, 1)
end

local opens, room = string.match(read[2] or '', '^(%d+),(%d+)$')
opens, room = tonumber(opens), tonumber(room)
local old = {}
if not opens or (not stored and room == 0) then
  local all = redis.call('HGETALL', KEYS[1])
  local since, ended = {}, {} -- since when each place has had what is open; what is not
  local kept = 0
  opens = 0
  local function open(field, f)
    local at, known = tonumber(f, 36), since[place(field)]
    since[place(field)] = known and math.min(known, at) or at
  end
  if to == '' then
    open(ARGV[1], from)
  end
  for i = 1, #all, 2 do
    local f, r, t = parse(all[i + 1])
    if all[i] ~= ARGV[1] and r then
      if t ~= '' then
        ended[#ended + 1] = { all[i], tonumber(t, 36) }
      elseif tonumber(r, 36) < tonumber(ARGV[10]) then
        old[#old + 1] = all[i]
      else
        open(all[i], f)
        kept = kept + 1
        opens = opens + 1
      end
    end
  end
  for _, e in ipairs(ended) do
    if e[2] < tonumber(ARGV[9]) and not (since[place(e[1])] and since[place(e[1])] < e[2]) then
      old[#old + 1] = e[1]
    else
      kept = kept + 1
    end
  end
  room = math.floor(kept / 4) + 16
else
  if not stored then
    room = room - 1
  end
  if oto == '' then
    opens = math.max(opens - 1, 0)
  end
end
if to == '' then
  opens = opens + 1
end

for _, field in ipairs(old) do
  redis.call('HDEL', KEYS[1], field)
end
local counts = opens .. ',' .. room
if value ~= stored or counts ~= read[2] then
  redis.call('HSET', KEYS[1], ARGV[1], value, 'o', counts)
end

-- A time to live is set anew when a sixteenth of it is over: most writes then
-- change one thing only, which costs Redis and its append-only file least.
local left, life = redis.call('PTTL', KEYS[1]), tonumber(opens > 0 and ARGV[7] or ARGV[8])
if left > life or left < life - life / 16 then
  redis.call('PEXPIRE', KEYS[1], life)
end
return stored and 0 or 1
