-- Sets when a subscriber is due next, unless a wake-up has taken the place of the lease.
-- KEYS: 1 due set of the lane, 2 due times asked for during leases
-- ARGV: 1 subscriber, 2 end of the lease, ms and a half, 3 next due time, ms; an
--       earlier one that was asked for during the lease wins
-- Returns 1, or 0 if a wake-up came in or the subscriber is no longer due.
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then
  return 0
end
local next = ARGV[3]
local asked = redis.call('ZSCORE', KEYS[2], ARGV[1])
if asked and tonumber(asked) < tonumber(next) then
  next = string.format('%.0f', tonumber(asked))
end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[1], next, ARGV[1])
return 1
