-- Lists the instances.
-- KEYS: 1 instances, 2 instances that departed
-- Returns the time, ms, as text, the fields and values of 1, and those of 2.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
return { string.format('%.0f', now), redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]) }
