-- Replaces a record if it still is what was read.
-- KEYS: 1 record
-- ARGV: 1 the record as read ("" = none), 2 the new record, 3 time to live, ms
-- Returns 1, or 0 if someone else has changed the record.
local stored = redis.call('GET', KEYS[1]) or ''
if stored ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
