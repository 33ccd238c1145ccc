-- Notes how far one instance is complete, and drops what others said once its
-- time has passed.
-- KEYS: 1 completeness
-- ARGV: 1 instance, 2 complete to, ms, 3 time to live, ms
-- Returns 1.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local said = redis.call('HGETALL', KEYS[1])
for i = 1, #said, 2 do
  if tonumber(string.match(said[i + 1], ':(%d+)$')) <= now then
    redis.call('HDEL', KEYS[1], said[i])
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. string.format('%.0f', now + ARGV[3]))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
