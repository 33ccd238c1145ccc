-- Renews sessions whose records are of the versions that the writer knows: it
-- says when each session was seen last, and changes nothing else.
-- KEYS: the records
-- ARGV: for each of them, the version and the brace behind it, as they stand in
--       the record, and when it was seen, nine digits of base 36 ms
-- Returns a digit for each: 1, or 0 if the record is of another version, or newer,
-- or none.
local done = {}
for i, key in ipairs(KEYS) do
  local version, seen = ARGV[2 * i - 1], ARGV[2 * i]
  local head = redis.pcall('GETRANGE', key, 0, 8 + #version)
  done[i] = '0'
  if type(head) == 'string' and string.sub(head, 10) == version then
    local stored = string.sub(head, 1, 9)
    if stored == seen then
      done[i] = '1'
    elseif tonumber(stored, 36) < tonumber(seen, 36) then
      redis.call('SETRANGE', key, 0, seen)
      done[i] = '1'
    end
  end
end
return table.concat(done)
