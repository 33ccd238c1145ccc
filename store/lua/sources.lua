-- Adds what one instance has heard of accounting sources to what is known of them;
-- quarantine.AccountingSources.Add says the same in Go.
-- KEYS: 1 accounting sources
-- ARGV: 1 when the report was made, ms, 2 "1" if the instance takes accounting,
--       3 times, 4 least, ms, 5 history, ms (of quarantine.SilenceRule), 6 after how
--       long without a report no instance is there, ms, 7 days that are remembered,
--       then for each source: name, first, last, reported, behind, records; ms
-- Returns 1.
-- The field "heard" is <last report>:<unheard in all>, a field "s:<name>" is
-- <first>:<last>:<reported>:<behind>:<unheard>:<days>, where the days, newest first,
-- are <day>.<longest>.<records> with commas between; all in ms.
local DAY = 86400000
local at = tonumber(ARGV[1])
local times, least, history = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local days = tonumber(ARGV[7])
local whole = function(n) return string.format('%.0f', n) end

local heard, unheard = string.match(redis.call('HGET', KEYS[1], 'heard') or '', '^(%d+):(%d+)$')
heard, unheard = tonumber(heard), tonumber(unheard) or 0
local away = 0
if ARGV[2] == '1' then
  if heard and at - heard > tonumber(ARGV[6]) then
    away = at - heard
  end
  heard = math.max(heard or at, at)
  unheard = unheard + away
end

local fields = {}
if heard then
  fields = {'heard', whole(heard) .. ':' .. whole(unheard)}
end
for i = 8, #ARGV, 6 do
  local first, last, reported, behind, records = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5])
  local f, l, r, b, u, list = string.match(redis.call('HGET', KEYS[1], 's:' .. ARGV[i]) or '', '^(%d+):(%d+):(%d+):(%d+):(%d+):([%d.,]*)$')
  f, l, r, b, u = tonumber(f), tonumber(l), tonumber(r), tonumber(b), tonumber(u)
  local today = math.floor(first / DAY)
  local known, longest = {}, 0
  for day, gap, n in string.gmatch(list or '', '(%d+)%.(%d+)%.(%d+)') do
    if tonumber(day) > today - days then
      known[#known + 1] = {tonumber(day), tonumber(gap), tonumber(n)}
      longest = math.max(longest, tonumber(gap))
    end
  end
  local gap = 0
  if not f or first - l > days * DAY then
    f, l, b, u, known = first, 0, 0, 0, {}
  else
    gap = math.max(first - l - (unheard - u), 0)
    if first - f >= history then
      gap = math.min(gap, math.max(least, times * longest))
    end
  end
  local place = 1
  while known[place] and known[place][1] > today do
    place = place + 1
  end
  if not known[place] or known[place][1] ~= today then
    table.insert(known, place, {today, 0, 0})
  end
  known[place][2] = math.max(known[place][2], gap)
  known[place][3] = known[place][3] + records
  if last >= l then
    l, b, u = last, behind, unheard - math.min(away, math.max(at - last, 0))
  end
  local texts = {}
  for n = 1, math.min(#known, days) do
    texts[n] = whole(known[n][1]) .. '.' .. whole(known[n][2]) .. '.' .. whole(known[n][3])
  end
  fields[#fields + 1] = 's:' .. ARGV[i]
  fields[#fields + 1] = table.concat({whole(f), whole(l), whole(math.max(r or 0, reported)), whole(b), whole(u), table.concat(texts, ',')}, ':')
end
if #fields > 0 then
  redis.call('HSET', KEYS[1], unpack(fields))
end
return 1
