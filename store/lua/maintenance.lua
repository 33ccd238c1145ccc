-- Notes a BNG's maintenance window unless one that was given later is there, and
-- drops those of other BNGs that are too old to matter.
-- KEYS: 1 maintenance windows
-- ARGV: 1 BNG, 2 when the window was given, ms, 3 the window, 4 how long windows
--       are remembered, ms
-- Returns the window that counts.
local given = tonumber(ARGV[2])
local noted = redis.call('HGET', KEYS[1], ARGV[1]) or '0:'
local since, window = string.match(noted, '^(%d+):(.*)$')
if tonumber(since) > given then
  return window
end
local all = redis.call('HGETALL', KEYS[1])
local old = {}
for i = 1, #all, 2 do
  if tonumber(string.match(all[i + 1], '^%d+')) <= given - tonumber(ARGV[4]) then
    old[#old + 1] = all[i]
  end
end
for _, bng in ipairs(old) do
  redis.call('HDEL', KEYS[1], bng)
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return ARGV[3]
