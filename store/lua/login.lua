-- Answers a log-in with the desired profile of the subscriber's open case, and notes the
-- answer if it can put that in force.
-- KEYS: 1 desired profiles of open cases, 2 answers to the subscriber's log-ins
-- ARGV: 1 subscriber, 2 now, ms, 3 time to live of the answers, ms,
--       4.. per profile that can be put in force: its name, the field to note
--       it in, how it is undone
-- Returns the desired profile as JSON, or false for none.
local desired = redis.call('HGET', KEYS[1], ARGV[1])
if not desired then
  return false
end
local case = cjson.decode(desired)
if case.until_ms and case.until_ms ~= 0 and case.until_ms <= tonumber(ARGV[2]) then
  return false
end
for i = 4, #ARGV, 3 do
  if ARGV[i] == case.profile then
    redis.call('HINCRBY', KEYS[2], 'n', 1)
    redis.call('HSET', KEYS[2], ARGV[i + 1], ARGV[2] .. ':' .. ARGV[i + 2])
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
  end
end
return desired
