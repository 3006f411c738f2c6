-- For operators: reads, and changes nothing. KEYS as in the other scripts, no ARGV.
-- Returns now, whether there is memory, requests, per, in use, the next moment a slot comes free (or 0), closed until,
-- why, and how many wait by class.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local function int(v) return string.format('%.0f', v) end
local kept = redis.call('HMGET', KEYS[2], 'epoch', 'n', 'per', 'closed', 'why')
local known = 0
if kept[1] and redis.call('ZSCORE', KEYS[1], kept[1]) then known = 1 end
local used = redis.call('ZCOUNT', KEYS[1], '(' .. int(now), '+inf')
local first = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
local waiting = {0, 0, 0, 0, 0, 0}
local all = redis.call('HGETALL', KEYS[4])
for i = 1, #all, 2 do
  local lapse, counts = string.match(all[i + 1], '^(%d+)|([%d,]*)|')
  if lapse and tonumber(lapse) > now then
    local class = 0
    for count in string.gmatch(counts, '%d+') do
      class = class + 1
      if class <= 6 then waiting[class] = waiting[class] + tonumber(count) end
    end
  end
end
return {now, known, tonumber(kept[2] or '0'), tonumber(kept[3] or '0'), used, tonumber(first[2] or '0'),
  tonumber(kept[4] or '0'), kept[5] or '', waiting}
