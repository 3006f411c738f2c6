-- ARGV 6 how long from now (µs), 7 why, 8 "close" (never shortens a pause) or "reopen".
-- Returns the moment (µs) until which the budget is closed, and now.
local closed = tonumber(redis.call('HGET', state, 'closed') or '0')
if ARGV[8] == 'reopen' then
  closed = math.min(closed, now)
  redis.call('HSET', state, 'closed', int(closed), 'why', '')
elseif now + tonumber(ARGV[6]) > closed then
  closed = now + tonumber(ARGV[6])
  redis.call('HSET', state, 'closed', int(closed), 'why', ARGV[7])
end
return {closed, now}
