-- Adds what one instance received from accounting sources to what is known of them;
-- quarantine.AccountingSources.Add does the same in Go.
-- KEYS: 1 accounting sources
-- ARGV: 1 the report by name, JSON; all times are ms, and whole
--   at          when the report was made
--   listening   true: the instance takes accounting
--   times, least, history   quarantine.SilenceRule
--   unheard     after how long without a report no instance is there
--   days        how many days are remembered
--   sources     for each source: name, first, last, reported, behind, records
-- Returns 1.
-- The field "heard" is <last report>:<unheard in all>, a field "s:<name>" is
-- <first>:<last>:<reported>:<behind>:<unheard>:<days>, where the days, newest first,
-- are <day>.<longest>.<records> with commas between; all in ms.
local DAY = 86400000
local report = cjson.decode(ARGV[1])
local at, days = report.at, report.days
local whole = function(n) return string.format('%.0f', n) end

local received, unheard = string.match(redis.call('HGET', KEYS[1], 'heard') or '', '^(%d+):(%d+)$')
received, unheard = tonumber(received), tonumber(unheard) or 0
local missed = 0
if report.listening then
  if received and at - received > report.unheard then
    missed = at - received
  end
  received = math.max(received or at, at)
  unheard = unheard + missed
end

local fields = {}
if received then
  fields = {'heard', whole(received) .. ':' .. whole(unheard)}
end
for _, source in ipairs(report.sources) do
  local field, first = 's:' .. source.name, source.first
  local f, l, r, b, u, list = string.match(redis.call('HGET', KEYS[1], field) or '', '^(%d+):(%d+):(%d+):(%d+):(%d+):([%d.,]*)$')
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
    if first - f >= report.history then
      gap = math.min(gap, math.max(report.least, report.times * longest))
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
  known[place][3] = known[place][3] + source.records
  if source.last >= l then
    l, b, u = source.last, source.behind, unheard - math.min(missed, math.max(at - source.last, 0))
  end
  local texts = {}
  for n = 1, math.min(#known, days) do
    texts[n] = whole(known[n][1]) .. '.' .. whole(known[n][2]) .. '.' .. whole(known[n][3])
  end
  local numbers = {whole(f), whole(l), whole(math.max(r or 0, source.reported)), whole(b), whole(u)}
  fields[#fields + 1] = field
  fields[#fields + 1] = table.concat(numbers, ':') .. ':' .. table.concat(texts, ',')
end
if #fields > 0 then
  redis.call('HSET', KEYS[1], unpack(fields))
end
return 1
