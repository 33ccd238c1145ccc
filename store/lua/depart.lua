-- Notes that an instance departed, unless that is known.
-- KEYS: 1 instances, 2 instances that departed
-- ARGV: 1 instance, 2 how it departed, JSON, 3 how long it must have been silent, ms
-- Returns unknown, or up: it published lately; else what is known of it, and when and
-- how it departed, as they now are.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known then
  return { 'unknown' }
end
local departed = redis.call('HGET', KEYS[2], ARGV[1])
if departed then
  return { known, departed }
end
if math.abs(now - tonumber(string.match(known, '^%d+'))) < tonumber(ARGV[3]) then -- the future: its clock was set back
  return { 'up' }
end
departed = string.format('%.0f', now) .. ':' .. ARGV[2]
redis.call('HSET', KEYS[2], ARGV[1], departed)
return { known, departed }
