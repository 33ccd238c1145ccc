-- Gives up the sender lease.
-- KEYS: 1 sender lease
-- ARGV: 1 holder
-- Returns 1, or 0 if the holder did not have it.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
