-- Notes a BNG's restart; the newest stands. What is no time is written over.
-- KEYS: 1 last restart of the BNG
-- ARGV: 1 the restart, ms
-- Returns 1 if it is the newest known (again), 0 if a newer one is.
local stored = nil
if redis.call('TYPE', KEYS[1]).ok == 'string' then
  stored = tonumber(redis.call('GET', KEYS[1]))
end
if stored and stored > tonumber(ARGV[1]) and stored < 100000000000000 then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
