-- Publishes an instance's own state. Before one that returns others may have found it cut
-- off, so they may have answered alone until now. Drops those that departed long ago.
-- KEYS: 1 instances, 2 instances that departed
-- ARGV: 1 instance, 2 its state, JSON, 3 1 if it returns, else 0,
--       4 how long those that departed are kept, ms
-- Returns the time, ms, as text.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stamp = string.format('%.0f', now)
local gone = redis.call('HGETALL', KEYS[2])
local departed, old = {}, {}
for i = 1, #gone, 2 do
  departed[gone[i]] = true
  if tonumber(string.match(gone[i + 1], '^%d+')) < now - tonumber(ARGV[4]) then
    old[#old + 1] = gone[i]
  end
end
local raised = {}
if ARGV[3] == '1' then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local published, alone, document = string.match(all[i + 1], '^(%d+):(%d+):(.*)$')
    if all[i] ~= ARGV[1] and not departed[all[i]] and tonumber(alone) < now then
      raised[#raised + 1] = { all[i], published .. ':' .. stamp .. ':' .. document }
    end
  end
end
for _, instance in ipairs(old) do
  redis.call('HDEL', KEYS[1], instance)
  redis.call('HDEL', KEYS[2], instance)
end
for _, other in ipairs(raised) do
  redis.call('HSET', KEYS[1], other[1], other[2])
end
redis.call('HSET', KEYS[1], ARGV[1], stamp .. ':' .. stamp .. ':' .. ARGV[2])
redis.call('HDEL', KEYS[2], ARGV[1])
return stamp
