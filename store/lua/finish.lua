-- Sets the next look at a subscriber whose lease has not been disturbed.
-- KEYS: 1 due set of the lane
-- ARGV: 1 subscriber, 2 end of the lease, ms and a half, 3 next look, ms
-- Returns 1, or 0 if a wake-up came in or the subscriber is no longer due.
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then
  return 0
end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
