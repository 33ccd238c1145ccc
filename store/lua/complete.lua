-- Finds how far all instances but one are complete.
-- KEYS: 1 completeness
-- ARGV: 1 the instance to leave out
-- Returns the earliest moment, ms, as text; empty if there is no other instance.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local said = redis.call('HGETALL', KEYS[1])
local earliest = ''
for i = 1, #said, 2 do
  local complete, ends = string.match(said[i + 1], '^(-?%d+):(%d+)$')
  if said[i] ~= ARGV[1] and tonumber(ends) > now and (earliest == '' or tonumber(complete) < tonumber(earliest)) then
    earliest = complete
  end
end
return earliest
