-- One turn of a process: it tells what it waits for and what it has in flight, and is given the slots that are its due.
--
-- ARGV  6 process, 7 how late for its next turn it may be and its waiters are still believed in (µs), 8 ageing step (µs)
--       9 the epoch it knows, 10 the pause (µs, by this clock) it knows
--      11 waiting by class "0,0,0,1000,0,0"
--      12 its first waiters, in order within each class: "class:token:since:age:try;..." (since: by this clock, or 0 if it has
--         not been told of before, then its age counts; try 1: is not to be remembered)
--      13 calls in flight "token:left;..."   14 tokens never used "token;..."   15 tokens whose calls are over "token;..."
--      16 how long it waits for its next turn at most (µs)
-- Returns now, epoch, requests, in use, closed until, µs until this process should ask again (-1: nothing left to ask for),
-- and the tokens that were given a slot.
local me, late, step, beat = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[16])

for token in string.gmatch(ARGV[15], '[^;]+') do finish(token) end
for token in string.gmatch(ARGV[14], '[^;]+') do redis.call('ZREM', uses, 'h:' .. token) end
-- Calls in flight count for as long as their process says so: after a flush, and beyond their hold.
for token, left in string.gmatch(ARGV[13], '([^:;]+):(%d+)') do
  local upto = now + tonumber(left) + gap
  if not redis.call('ZSCORE', uses, 'r:' .. token) then
    local known = redis.call('ZSCORE', uses, 'h:' .. token)
    if not known or tonumber(known) < upto then redis.call('ZADD', uses, int(upto), 'h:' .. token) end
  end
end
redis.call('ZREMRANGEBYSCORE', uses, '(0', int(now))

local kept = redis.call('HMGET', state, 'closed', 'opened', 's0', 's1', 's2', 's3', 's4', 's5')
local closed = tonumber(kept[1] or '0')
if ARGV[9] ~= '' and ARGV[9] ~= epoch and tonumber(ARGV[10]) > math.max(closed, now) then
  closed = tonumber(ARGV[10]) -- a pause outlives the memory as long as one process remembers it
  redis.call('HSET', state, 'closed', int(closed))
end

-- Who waits: per class a list, oldest first. A class ages from its last service (or its oldest waiter), not while the
-- budget is shut, so that a backlog that is being served never grows older than what has just arrived.
local lists, at, served = {}, {}, {}
for class = 0, 5 do
  lists[class], at[class] = {}, 1
  served[class] = math.max(math.min(tonumber(kept[class + 3] or '0'), now), math.min(tonumber(kept[2] or '0'), now), math.min(closed, now))
end
local all = redis.call('HGETALL', waiters)
for i = 1, #all, 2 do
  local lapse, _, list = string.match(all[i + 1], '^(%d+)|([%d,]*)|(.*)$')
  if not lapse or tonumber(lapse) <= now then
    redis.call('HDEL', waiters, all[i])
  elseif all[i] ~= me then
    for class, since in string.gmatch(list, '(%d):(%d+)') do
      table.insert(lists[tonumber(class)], {since = tonumber(since)})
    end
  end
end
local granted, own = {}, {}
for class, token, since, age, try in string.gmatch(ARGV[12], '(%d):([^:;]+):(%d+):(%d+):(%d)') do
  -- Told once, it stays: were it reckoned anew each time, two processes could each see the other's call as the older one.
  since = tonumber(since)
  if since == 0 then since = now - tonumber(age) end
  local w = {class = tonumber(class), token = token, since = since, try = try == '1'}
  if redis.call('ZSCORE', uses, 'h:' .. token) then -- given before, and the answer was lost
    redis.call('ZADD', uses, int(now + hold + gap), 'h:' .. token)
    table.insert(granted, token)
  else
    table.insert(own, w)
    table.insert(lists[w.class], w)
  end
end
for class = 0, 5 do table.sort(lists[class], function(a, b) return a.since < b.since end) end

-- The most urgent waiter at a moment: one ageing step makes up for one class.
local function first()
  local best, least
  for class = 0, 5 do
    local head = lists[class][at[class]]
    if head then
      local key = class * step + math.max(head.since, served[class])
      if not least or key < least then best, least = class, key end
    end
  end
  return best
end

-- Free slots are dealt out to the most urgent waiters anywhere; those of this process take theirs now, the others' stay
-- free for the moment it takes them to ask.
local used = redis.call('ZCOUNT', uses, '(0', '+inf')
local reserved = 0
while closed <= now and used + reserved < n do
  local class = first()
  if not class then break end
  local w = lists[class][at[class]]
  at[class] = at[class] + 1
  served[class] = now
  if w.token then
    redis.call('ZADD', uses, int(now + hold + gap), 'h:' .. w.token)
    redis.call('HSET', state, 's' .. class, int(now))
    table.insert(granted, w.token)
    w.done = true
    used = used + 1
  else
    reserved = reserved + 1
  end
end

local list = {}
for _, w in ipairs(own) do
  if not w.done and not w.try then table.insert(list, w.class .. ':' .. int(w.since)) end
end

-- When it is this process's turn: deal out the slots that come free next in the same way. A response after this moment
-- frees its slot a gap after it at the soonest, so `gap` bounds the wait.
local again = -1
if #list > 0 then
  again = gap
  local ends = redis.call('ZRANGEBYSCORE', uses, '(0', '+inf', 'WITHSCORES')
  local turn = 1
  while turn <= n do
    local class = first()
    if not class then break end
    local w = lists[class][at[class]]
    at[class] = at[class] + 1
    if not w.try then
      local place = used + reserved - n + turn
      local free = math.max(now, closed)
      if place > used then -- after one of the slots that were just left to others
        free = math.max(free, now + gap)
      elseif place > 0 then
        free = math.max(free, tonumber(ends[2 * place]))
      end
      if w.token then
        again = math.min(again, free - now)
        break
      end
      served[class] = free
      turn = turn + 1
    end
  end
end
if #list == 0 then
  redis.call('HDEL', waiters, me)
else
  redis.call('HSET', waiters, me, int(now + math.min(again, beat) + late) .. '|' .. ARGV[11] .. '|' .. table.concat(list, ','))
end
local answer = {now, epoch, n, used, closed, again}
for _, token in ipairs(granted) do table.insert(answer, token) end
return answer
