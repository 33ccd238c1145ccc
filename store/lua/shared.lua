-- Notes since when an address is shared; the earliest moment stands.
-- KEYS: 1 since when the address is shared
-- ARGV: 1 a moment at which it was, ms, 2 time to live, ms
-- Returns 1 if that is news, else 0.
local stored = tonumber(redis.call('GET', KEYS[1]) or nil)
local news = not stored or tonumber(ARGV[1]) < stored
if news then
  redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
end

-- A time to live is set anew when a sixteenth of it is over: most writes then
-- change one thing only, which costs Redis and its append-only file least.
local left, life = redis.call('PTTL', KEYS[1]), tonumber(ARGV[2])
if left > life or left < life - life / 16 then
  redis.call('PEXPIRE', KEYS[1], life)
end
return news and 1 or 0
