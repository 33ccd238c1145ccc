-- Notes that an instance went, unless that is known.
-- KEYS: 1 instances, 2 instances that went
-- ARGV: 1 instance, 2 how it went, JSON, 3 how long it must have been silent, ms
-- Returns unknown or speaks; else what is known of it, and when and how it went
-- as they now stand.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known then
  return { 'unknown' }
end
local went = redis.call('HGET', KEYS[2], ARGV[1])
if went then
  return { known, went }
end
if math.abs(now - tonumber(string.match(known, '^%d+'))) < tonumber(ARGV[3]) then -- the future: its clock was set back
  return { 'speaks' }
end
went = string.format('%.0f', now) .. ':' .. ARGV[2]
redis.call('HSET', KEYS[2], ARGV[1], went)
return { known, went }
