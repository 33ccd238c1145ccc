-- Enters a live session under its subscriber, or strikes an ended one out.
-- Writers may arrive in any order: the version of the session's record decides.
-- KEYS: 1 sessions of the subscriber
-- ARGV: 1 session, 2 version of its record, 3 "1" if live, 4 time to live, ms
-- Returns 1 if the index changed, else 0.

-- A time to live is set anew when a sixteenth of it is over: most writes then
-- change one thing only, which costs Redis and its append-only file least.
local function keep(key, life)
  local left = redis.call('PTTL', key)
  life = tonumber(life)
  if left > life or left < life - life / 16 then
    redis.call('PEXPIRE', key, life)
  end
end

local version = tonumber(ARGV[2])
local changed = 0
if ARGV[3] == '1' then
  changed = redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
  if changed == 0 and (tonumber(redis.call('HGET', KEYS[1], ARGV[1])) or 0) < version then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
    changed = 1
  end
  keep(KEYS[1], ARGV[4])
else
  local stored = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or nil)
  if stored and stored <= version then
    redis.call('HDEL', KEYS[1], ARGV[1])
    changed = 1
  end
end
return changed
