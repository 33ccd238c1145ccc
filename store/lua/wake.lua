-- Makes the open cases of subscribers due.
-- KEYS: 1 open cases, 2 due releases, 3 due restrictions
-- ARGV: 1 when releases are due, ms, 2 when all others are, ms, 3.. subscribers
-- Returns how many were made due.
local woken = 0
for i = 3, #ARGV do
  local open = redis.call('HGET', KEYS[1], ARGV[i])
  if open then
    local lane, due = KEYS[3], tonumber(ARGV[2])
    if string.sub(open, 1, 1) == '0' then
      lane, due = KEYS[2], tonumber(ARGV[1])
    end
    -- A lease is a score with a half; whole ones cannot be mistaken for it when
    -- the work is finished, so the wake-up is not lost.
    local score = tonumber(redis.call('ZSCORE', lane, ARGV[i]) or nil)
    if score and score < due then
      due = math.floor(score)
    end
    redis.call('ZADD', lane, string.format('%.0f', due), ARGV[i])
    woken = woken + 1
  end
end
return woken
