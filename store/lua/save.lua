-- Writes a case and all that changes with it, or nothing.
-- KEYS: 1 case record, 2 open cases, 3 due set of the case's lane, 4 the other
--       due set, 5 index of open cases, 6 index of closed cases, 7 term,
--       8 released, 9 verdict, 10 looks asked for during leases,
--       11 what open cases want, 12 answers to the subscriber's log-ins,
--       13.. limit counters
-- ARGV: 1 term ("0": no claim), 2 version expected (with the stamp of that write behind a dot; "0": new),
--       3 new version, 4 case id,
--       5 subscriber, 6 lane, 7 "1" if open, 8 case, 9 due, ms ("": none),
--       10 now, ms, 11 score in the index, ms, 12 time to live of the closed
--       case, ms, 13 drop closed cases from the index before, ms,
--       14 released at, ms ("": not by a person), 15 release,
--       16 verdict: "S" settled, "U" not, "" none, 17 status,
--       18 time to live of both, ms,
--       19 what the case wants ("": nothing), 20 answers to log-ins that the
--       writer knew of, 21 last release by a person that the writer knew of,
--       ms ("": none), 22 reservation ("": none), 23 "1" if forced,
--       24.. per counter: window, ms; how many fit ("0": counted only); how
--       many the reservation takes, at least 1
-- A reservation of n has n members in a counter: itself and that with "#2" to
-- "#n" behind it, all with one score.
-- Counters go by this server's clock, not by the writer's: one that is ahead would
-- see nothing of the last hour, and drop it.
-- Returns {"saved"}, {"sender"} (the term has passed), {"conflict"}, or
-- {"limit", n} (the n-th counter, from 1, has no room for it). A case that is to be closed
-- and has answered a log-in since it was read is a conflict too, and so is a verdict
-- that was decided without knowledge of the last release by a person.
local now = tonumber(ARGV[10])
local opened = ARGV[7] == '1'
local clock = redis.call('TIME')
local moment = clock[1] * 1000 + math.floor(clock[2] / 1000)

if ARGV[1] ~= '0' and redis.call('HGET', KEYS[7], 'n') ~= ARGV[1] then
  return {'sender'}
end
local record = redis.call('HMGET', KEYS[1], 'v', 'd')
if record[1] == ARGV[3] and record[2] == ARGV[8] then
  return {'saved'} -- this very write, repeated because its answer was lost
end
if (record[1] or '0') ~= ARGV[2] then
  return {'conflict'}
end
local entry = redis.call('HGET', KEYS[2], ARGV[5])
local another = entry and string.sub(entry, 3) ~= ARGV[4]
if opened and another then
  return {'conflict'}
end
if not opened and entry and not another and (redis.call('HGET', KEYS[12], 'n') or '0') ~= ARGV[20] then
  return {'conflict'}
end
local stored = redis.call('GET', KEYS[8])
local released = stored and tonumber(string.match(stored, '^%d+'))
if ARGV[16] ~= '' and released and released > (tonumber(ARGV[21]) or 0) then
  return {'conflict'}
end
local fresh = {}
if ARGV[22] ~= '' then
  for i = 13, #KEYS do
    local window = tonumber(ARGV[3 * i - 15])
    local fit = tonumber(ARGV[3 * i - 14])
    local takes = tonumber(ARGV[3 * i - 13])
    local since = '(' .. string.format('%.0f', moment - window)
    local counted = tonumber(redis.call('ZSCORE', KEYS[i], ARGV[22]) or nil)
    fresh[i] = not counted or counted <= moment - window
    if fresh[i] and fit > 0 and ARGV[23] ~= '1' and redis.call('ZCOUNT', KEYS[i], since, '+inf') + takes > fit then
      return {'limit', tostring(i - 12)}
    end
  end
end

-- Nothing was written so far; nothing can be refused from here on.

for i, new in pairs(fresh) do
  if new then
    local window = ARGV[3 * i - 15]
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', string.format('%.0f', moment - tonumber(window)))
    local score = string.format('%.0f', moment)
    redis.call('ZADD', KEYS[i], score, ARGV[22])
    for n = 2, tonumber(ARGV[3 * i - 13]) do
      redis.call('ZADD', KEYS[i], score, ARGV[22] .. '#' .. n)
    end
    redis.call('PEXPIRE', KEYS[i], window)
  end
end

redis.call('HSET', KEYS[1], 'v', ARGV[3], 'd', ARGV[8])
if opened then
  redis.call('PERSIST', KEYS[1])
  redis.call('HSET', KEYS[2], ARGV[5], ARGV[6] .. ':' .. ARGV[4])
  redis.call('ZADD', KEYS[5], ARGV[11], ARGV[4])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[12])
  redis.call('ZREM', KEYS[5], ARGV[4])
  redis.call('ZADD', KEYS[6], ARGV[11], ARGV[4])
  redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', '(' .. ARGV[13])
end

if opened then
  local score = tonumber(redis.call('ZSCORE', KEYS[3], ARGV[5]) or nil)
  local other = tonumber(redis.call('ZSCORE', KEYS[4], ARGV[5]) or nil)
  if other and (not score or other < score) then
    score = other
  end
  local due = tonumber(ARGV[9])
  if not due and score and score % 1 == 0 and score <= now then
    due = score -- a wake-up nobody has answered yet
  elseif due and score and score % 1 ~= 0 and math.floor(score) == due then
    due = score -- the writer's own lease, which stays one
  elseif due and score and score < due then
    if score % 1 ~= 0 then -- leased: finishing must not forget this look
      local asked = tonumber(redis.call('ZSCORE', KEYS[10], ARGV[5]) or nil)
      if not asked or due < asked then
        redis.call('ZADD', KEYS[10], ARGV[9], ARGV[5])
      end
    end
    due = score -- only finishing puts a look off
  end
  redis.call('ZREM', KEYS[4], ARGV[5])
  if due then
    redis.call('ZADD', KEYS[3], string.format('%.1f', due), ARGV[5])
  else
    redis.call('ZREM', KEYS[3], ARGV[5])
  end
elseif not another then
  redis.call('HDEL', KEYS[2], ARGV[5])
  redis.call('ZREM', KEYS[3], ARGV[5])
  redis.call('ZREM', KEYS[4], ARGV[5])
  redis.call('ZREM', KEYS[10], ARGV[5])
end

if not another then
  if opened and ARGV[19] ~= '' then
    redis.call('HSET', KEYS[11], ARGV[5], ARGV[19])
  else
    redis.call('HDEL', KEYS[11], ARGV[5])
  end
end
if ARGV[14] ~= '' then
  if not released or released <= tonumber(ARGV[14]) then
    redis.call('SET', KEYS[8], ARGV[14] .. ':' .. ARGV[15], 'PX', ARGV[18])
  end
end
if ARGV[16] == 'S' or (ARGV[16] == 'U' and redis.call('GETRANGE', KEYS[9], 0, 0) ~= 'S') then
  redis.call('SET', KEYS[9], ARGV[16] .. ARGV[17], 'PX', ARGV[18])
end
return {'saved'}
