-- Acquires or renews the sender lease.
-- KEYS: 1 sender lease, 2 term
-- ARGV: 1 holder, 2 time to live, ms
-- Returns {1, term}, or {0, term} while another instance holds the lease. A term is the
-- time at which it began, in ms: a store that went back counts no term a second time.
local holder = redis.call('GET', KEYS[1])
local term = redis.call('HGET', KEYS[2], 'n') or '0'
if holder and holder ~= ARGV[1] then
  return {0, term}
end
if term == '0' or redis.call('HGET', KEYS[2], 'h') ~= ARGV[1] then
  local clock = redis.call('TIME')
  local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
  term = string.format('%.0f', math.max(tonumber(term) + 1, now))
  redis.call('HSET', KEYS[2], 'n', term, 'h', ARGV[1])
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, term}
