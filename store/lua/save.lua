-- Writes a case and all that changes with it, or nothing.
-- KEYS: 1 case record, 2 open cases, 3 due set of the case's lane, 4 the other
--       due set, 5 index of open cases, 6 index of closed cases, 7 term,
--       8 last release by a person, 9 verdict, 10 due times asked for during leases,
--       11 desired profiles of open cases, 12 answers to the subscriber's log-ins,
--       13.. limit counters, in the order of reserve.counters
-- ARGV: 1 the arguments by name, JSON; what is stored as it is: 2 the case, 3 the verdict's
--       status, 4 the release by a person
-- Arguments: those that do not apply are left out; "_ms" is milliseconds, since 1970 if it is a
-- moment. What is kept or compared as text is a string, for a number of JSON is a double in Lua,
-- which is exact to 53 bits only.
--   term               sender's term that must still stand; without it no claim to be the sender
--   read               the write that the case was read from: version, a dot, stamp; "0": none, it is new
--   write              this write, in the same form
--   case               id of the case
--   subscriber         whose case it is
--   lane               "0" release, "1" restrict
--   open               true: the case is open
--   now_ms             the writer's time
--   due_ms             when it is due, at the latest
--   index_ms           when it was opened, or closed: its score in the index
--   keep_ms            closed only: how long it is kept
--   drop_ms            closed only: cases closed before leave the index
--   answers            answers to log-ins that the writer knew of
--   desired            desired profile, as JSON; left out: none
--   known_release_ms   last release by a person that the writer knew of
--   release_ms         a person released the subscriber then
--   verdict            a verdict is saved: "S" final, "U" not
--   remember_ms        how long release and verdict are kept
--   reserve.id         what to count; n units are n members of a counter, all with one score: the
--                      id, and the id with "#2" to "#n" behind it
--   reserve.forced     true: count although a limit is full
--   reserve.counters   for each counter: window_ms; max, how many fit, 0: counted only; units, at least 1
-- Counters go by this server's clock, not by the writer's: one that is ahead would
-- see nothing of the last hour, and drop it.
-- Returns {"saved"}, {"sender"} (the term has passed), {"conflict"}, or
-- {"limit", n} (the n-th counter, from 1, has no room for it). A case that is to be closed
-- and has answered a log-in since it was read is a conflict too, and so is a verdict
-- that was decided without knowledge of the last release by a person, or that is
-- final and was final before.
local record_key, open_key, lane_key, other_lane_key, opened_key, closed_key = unpack(KEYS, 1, 6)
local term_key, release_key, verdict_key, asked_key, desired_key, answers_key = unpack(KEYS, 7, 12)
local args = cjson.decode(ARGV[1])
local case, status, release = ARGV[2], ARGV[3], ARGV[4]
local subscriber, verdict, reserve = args.subscriber, args.verdict, args.reserve

if args.term and redis.call('HGET', term_key, 'n') ~= args.term then
  return {'sender'}
end
local record = redis.call('HMGET', record_key, 'v', 'd')
if record[1] == args.write and record[2] == case then
  return {'saved'} -- this very write, repeated because its answer was lost
end
if (record[1] or '0') ~= args.read then
  return {'conflict'}
end
local entry = redis.call('HGET', open_key, subscriber)
local another = entry and string.sub(entry, 3) ~= args.case
if args.open and another then
  return {'conflict'}
end
if not args.open and entry and not another and (redis.call('HGET', answers_key, 'n') or '0') ~= args.answers then
  return {'conflict'}
end
local stored = (verdict or args.release_ms) and redis.call('GET', release_key)
local released = stored and tonumber(string.match(stored, '^%d+'))
if verdict and released and released > tonumber(args.known_release_ms or 0) then
  return {'conflict'}
end
if verdict == 'S' and redis.call('GETRANGE', verdict_key, 0, 0) == 'S' then
  return {'conflict'} -- no verdict counts twice
end
local counters, counted_ms = {}, nil
local fresh, passed = {}, {} -- by counter: is the reservation new in it; what was counted by then counts no more
if reserve then
  local clock = redis.call('TIME')
  local moment = clock[1] * 1000 + math.floor(clock[2] / 1000)
  counters, counted_ms = reserve.counters, string.format('%.0f', moment)
  for i, counter in ipairs(counters) do
    local key, since = KEYS[12 + i], moment - counter.window_ms
    local counted = tonumber(redis.call('ZSCORE', key, reserve.id) or nil)
    fresh[i], passed[i] = not counted or counted <= since, string.format('%.0f', since)
    if fresh[i] and counter.max > 0 and not reserve.forced
        and redis.call('ZCOUNT', key, '(' .. passed[i], '+inf') + counter.units > counter.max then
      return {'limit', tostring(i)}
    end
  end
end

-- Nothing was written so far; nothing can be refused from here on.

for i, counter in ipairs(counters) do
  if fresh[i] then
    local key = KEYS[12 + i]
    redis.call('ZREMRANGEBYSCORE', key, '-inf', passed[i])
    redis.call('ZADD', key, counted_ms, reserve.id)
    for n = 2, counter.units do
      redis.call('ZADD', key, counted_ms, reserve.id .. '#' .. n)
    end
    redis.call('PEXPIRE', key, counter.window_ms)
  end
end

redis.call('HSET', record_key, 'v', args.write, 'd', case)
if args.open then
  redis.call('PERSIST', record_key)
  if entry ~= args.lane .. ':' .. args.case then
    redis.call('HSET', open_key, subscriber, args.lane .. ':' .. args.case)
  end
  redis.call('ZADD', opened_key, args.index_ms, args.case)
else
  redis.call('PEXPIRE', record_key, args.keep_ms)
  redis.call('ZREM', opened_key, args.case)
  redis.call('ZADD', closed_key, args.index_ms, args.case)
  redis.call('ZREMRANGEBYSCORE', closed_key, '-inf', '(' .. args.drop_ms)
end

if args.open then
  local score = tonumber(redis.call('ZSCORE', lane_key, subscriber) or nil)
  local other = tonumber(redis.call('ZSCORE', other_lane_key, subscriber) or nil)
  if other and (not score or other < score) then
    score = other
  end
  local due = tonumber(args.due_ms or nil)
  if not due and score and score % 1 == 0 and score <= tonumber(args.now_ms) then
    due = score -- a wake-up nobody has answered yet
  elseif due and score and score % 1 ~= 0 and math.floor(score) == due then
    due = score -- the writer's own lease, which stays one
  elseif due and score and score < due then
    if score % 1 ~= 0 then -- leased: finishing must not forget this due time
      local asked = tonumber(redis.call('ZSCORE', asked_key, subscriber) or nil)
      if not asked or due < asked then
        redis.call('ZADD', asked_key, args.due_ms, subscriber)
      end
    end
    due = score -- only finishing makes it due later
  end
  if other then
    redis.call('ZREM', other_lane_key, subscriber)
  end
  if due then
    redis.call('ZADD', lane_key, string.format('%.1f', due), subscriber)
  else
    redis.call('ZREM', lane_key, subscriber)
  end
elseif not another then
  redis.call('HDEL', open_key, subscriber)
  redis.call('ZREM', lane_key, subscriber)
  redis.call('ZREM', other_lane_key, subscriber)
  redis.call('ZREM', asked_key, subscriber)
end

if not another then
  if args.open and args.desired then
    redis.call('HSET', desired_key, subscriber, args.desired)
  else
    redis.call('HDEL', desired_key, subscriber)
  end
end
if args.release_ms and (not released or released <= tonumber(args.release_ms)) then
  redis.call('SET', release_key, args.release_ms .. ':' .. release, 'PX', args.remember_ms)
end
if verdict and (verdict == 'S' or redis.call('GETRANGE', verdict_key, 0, 0) ~= 'S') then
  redis.call('SET', verdict_key, verdict .. status, 'PX', args.remember_ms)
end
return {'saved'}
