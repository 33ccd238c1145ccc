-- Notes a BNG's restart; the newest stands.
-- KEYS: 1 last restart of the BNG
-- ARGV: 1 the restart, ms
-- Returns 1 if it is the newest known (again), 0 if a newer one is.
local stored = tonumber(redis.call('GET', KEYS[1]) or nil)
if stored and stored > tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
