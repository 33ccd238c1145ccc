-- Writes a verdict's status, unless a final one is there.
-- KEYS: 1 verdict
-- ARGV: 1 "S" if final, else "U", 2 the status, 3 time to live, ms
-- Returns 1, or 0 if a final status stands.
if ARGV[1] == 'U' and redis.call('GETRANGE', KEYS[1], 0, 0) == 'S' then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 1
