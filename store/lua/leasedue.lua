-- Leases due work to the sender.
-- KEYS: 1 due set of the lane, 2 open cases, 3 term, 4 due times asked for
--       during leases
-- ARGV: 1 term ("0": no claim), 2 now, ms, 3 end of the lease, ms and a half, 4 how many
-- Returns the subscribers, or false if the term has passed.
if ARGV[1] ~= '0' and redis.call('HGET', KEYS[3], 'n') ~= ARGV[1] then
  return false
end
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, ARGV[4])
local leased = {}
for _, subscriber in ipairs(due) do
  redis.call('ZREM', KEYS[4], subscriber) -- who leases the work sees all that was written before
  if redis.call('HEXISTS', KEYS[2], subscriber) == 1 then
    redis.call('ZADD', KEYS[1], ARGV[3], subscriber)
    leased[#leased + 1] = subscriber
  else
    redis.call('ZREM', KEYS[1], subscriber)
  end
end
return leased
