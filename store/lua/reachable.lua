-- Notes that an instance which does not speak was heard by another way: it answers
-- accounting, has been alone until now, and is not lost.
-- KEYS: 1 instances, 2 instances that went
-- ARGV: 1 instance, 2 how one goes that is not to be there, as JSON has it
-- Returns 1 if that was noted; 0 if it is not known, or left.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stamp = string.format('%.0f', now)
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known then
  return 0
end
local went = redis.call('HGET', KEYS[2], ARGV[1])
if went and not string.find(went, ARGV[2], 1, true) then
  return 0
end
local spoke, _, says = string.match(known, '^(%d+):(%d+):(.*)$')
says = string.gsub(says, '^{"heard":%d+,', '{', 1)
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], spoke .. ':' .. stamp .. ':' .. '{"heard":' .. stamp .. ',' .. string.sub(says, 2))
return 1
