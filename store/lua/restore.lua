-- Enters an instance that the registry lost, unless it has it.
-- KEYS: 1 instances, 2 instances that departed
-- ARGV: 1 instance, 2 when it published last, ms, 3 since when it was alone,
--       ms, 4 its state, JSON, 5 when it departed, ms, 6 how, JSON; 5 and 6 are empty
--       for one that did not: it may have been up until now
-- Returns 1 if it was entered, else 0.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  return 0
end
local alone = ARGV[3]
if ARGV[5] == '' then
  alone = string.format('%.0f', now)
else
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[5] .. ':' .. ARGV[6])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. alone .. ':' .. ARGV[4])
return 1
