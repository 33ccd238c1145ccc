-- Marks an instance as reachable that publishes nothing: it said over HTTP that it answers
-- accounting, so it has been alone until now, and is not lost.
-- KEYS: 1 instances, 2 instances that departed
-- ARGV: 1 instance, 2 the kind of departure that this undoes, as JSON has it
-- Returns 1 if that was noted; 0 if the instance is not known, or left by itself.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stamp = string.format('%.0f', now)
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known then
  return 0
end
local departed = redis.call('HGET', KEYS[2], ARGV[1])
if departed and not string.find(departed, ARGV[2], 1, true) then
  return 0
end
local published, _, document = string.match(known, '^(%d+):(%d+):(.*)$')
document = string.gsub(document, '^{"heard":%d+,', '{', 1)
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], published .. ':' .. stamp .. ':' .. '{"heard":' .. stamp .. ',' .. string.sub(document, 2))
return 1
