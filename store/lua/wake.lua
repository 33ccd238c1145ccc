-- Makes the open cases of subscribers due.
-- KEYS: 1 open cases, 2 due releases, 3 due restrictions
-- ARGV: 1 now, ms, 2.. subscribers; none: every open case
-- Returns how many were made due.
local now = tonumber(ARGV[1])
local subscribers = {}
for i = 2, #ARGV do
  subscribers[#subscribers + 1] = ARGV[i]
end
if #ARGV == 1 then
  subscribers = redis.call('HKEYS', KEYS[1])
end
local woken = 0
for _, subscriber in ipairs(subscribers) do
  local open = redis.call('HGET', KEYS[1], subscriber)
  if open then
    local lane = string.sub(open, 1, 1) == '0' and KEYS[2] or KEYS[3]
    local score = tonumber(redis.call('ZSCORE', lane, subscriber) or nil)
    -- A lease is a score with a half; whole ones cannot be mistaken for it when
    -- the work is finished, so the wake-up is not lost.
    local due = now
    if score and score < now then
      due = math.floor(score)
    end
    redis.call('ZADD', lane, string.format('%.0f', due), subscriber)
    woken = woken + 1
  end
end
return woken
