-- Renews a session whose record is of the version that the writer knows: it says
-- when the session was seen last, and changes nothing else.
-- KEYS: 1 record
-- ARGV: 1 the version and the brace behind it, as they stand in the record,
--       2 when it was seen, nine digits of base 36 ms
-- Returns 1, or 0 if the record is of another version, or newer, or none.
local head = redis.call('GETRANGE', KEYS[1], 0, 8 + #ARGV[1])
if string.sub(head, 10) ~= ARGV[1] then
  return 0
end
local seen = string.sub(head, 1, 9)
if seen ~= ARGV[2] then
  if tonumber(seen, 36) > tonumber(ARGV[2], 36) then
    return 0
  end
  redis.call('SETRANGE', KEYS[1], 0, ARGV[2])
end
return 1
