-- What every script that changes the budget does first, in the same atomic step.
--
-- KEYS  1 uses    sorted set: member -> the moment (µs) from which it no longer counts
--         h:<token>  a call that holds a slot; counts until its hold and a gap are over
--         r:<token>  a call whose response has come; counts for one gap more
--         p:<...>    a phantom: a use assumed because nothing is known
--         <epoch>    score 0, never counts: it proves that this set is the memory of this epoch
--       2 state   hash: epoch, n, per, gap, opened, seen, closed, why, s0..s5 (last service by class)
--       3 rules   sorted set: "requests:per" -> until when a process with that rule is taken to run
--       4 waiters hash: process -> "lapse|counts|class:since,..."
-- ARGV  1 requests, 2 per, 3 hold, 4 recovery, 5 how long a rule is remembered (all times in µs)
local uses, state, rules, waiters = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local hold, recovery = tonumber(ARGV[3]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

-- Lua prints large numbers with an exponent; a time in µs has 16 digits.
local function int(v) return string.format('%.0f', v) end

-- A gap is `per` and a little more, for two clocks that NTP slews apart (500 ppm each) and their ticks.
local function gap_of(per) return per + math.floor(per / 1000) + 1000 end

local function phantoms(count, upto)
  for i = 1, count do
    redis.call('ZADD', uses, int(upto), 'p:' .. int(now) .. ':' .. count .. ':' .. i)
  end
end

-- A clock that was set back takes the stored moments along, else slots would stay shut for the size of the step.
local function follow_clock_back()
  local seen = tonumber(redis.call('HGET', state, 'seen') or '0')
  if now < seen then
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', uses, '(0', '+inf')) do
      redis.call('ZINCRBY', uses, int(now - seen), member)
    end
    local closed = tonumber(redis.call('HGET', state, 'closed') or '0')
    if closed > 0 then redis.call('HSET', state, 'closed', int(closed + now - seen)) end
    redis.call('DEL', waiters)
  end
  redis.call('HSET', state, 'seen', int(now))
end

-- The strictest of the rules that running processes were configured with.
local function strictest()
  redis.call('ZREMRANGEBYSCORE', rules, '-inf', int(now))
  redis.call('ZADD', rules, int(now + tonumber(ARGV[5])), ARGV[1] .. ':' .. ARGV[2])
  local n, per
  for _, rule in ipairs(redis.call('ZRANGE', rules, 0, -1)) do
    local requests, time = string.match(rule, '^(%d+):(%d+)$')
    n = math.min(n or tonumber(requests), tonumber(requests))
    per = math.max(per or tonumber(time), tonumber(time))
  end
  return n, per
end

-- Memory counts only if this very server process wrote it, and wrote all of it: a restart may have lost the last
-- second, a promoted replica the last milliseconds, a flush everything. Otherwise every slot counts as taken just now.
-- A server that does not tell its run_id is known by the presence of the memory alone.
local function remember(n, per)
  local info = redis.pcall('INFO', 'server')
  local server = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unnamed'
  local epoch = redis.call('HGET', state, 'epoch')
  if epoch and string.sub(epoch, 1, #server + 1) == server .. '@' and redis.call('ZSCORE', uses, epoch) then
    return epoch
  end
  epoch = server .. '@' .. int(now)
  local gap = gap_of(per)
  redis.call('ZREMRANGEBYSCORE', uses, '-inf', 0)
  redis.call('ZADD', uses, 0, epoch)
  phantoms(n, now + recovery + gap)
  redis.call('HSET', state, 'epoch', epoch, 'n', n, 'per', int(per), 'gap', int(gap), 'opened', int(now + recovery + gap))
  return epoch
end

-- A rule that lets more through than the last one starts with nothing free that was not free before.
local function follow_rule(n, per)
  local was = redis.call('HMGET', state, 'n', 'per')
  local n0, per0 = tonumber(was[1]), tonumber(was[2])
  if n == n0 and per == per0 then return end
  if per > per0 then
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', uses, '(0', '+inf')) do
      redis.call('ZINCRBY', uses, int(gap_of(per) - gap_of(per0)), member)
    end
  end
  if per ~= per0 then
    phantoms(n, now + gap_of(math.max(per, per0)))
  elseif n > n0 then
    phantoms(n - n0, now + gap_of(per))
  end
  redis.call('HSET', state, 'n', n, 'per', int(per), 'gap', int(gap_of(per)))
end

follow_clock_back()
local n, per = strictest()
local epoch = remember(n, per)
follow_rule(n, per)
local gap = gap_of(per)

-- The response has come: one gap more. An end that memory knows nothing of was a use all the same, and counts as one.
local function finish(token)
  redis.call('ZREM', uses, 'h:' .. token)
  if not redis.call('ZSCORE', uses, 'r:' .. token) then
    redis.call('ZADD', uses, int(now + gap), 'r:' .. token)
  end
end
