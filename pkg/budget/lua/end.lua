-- A call is over. ARGV 6 token, 7 "used" (its response has come, or it is known to be over) or "unused" (no byte of it
-- ever left).
if ARGV[7] == 'unused' then
  redis.call('ZREM', uses, 'h:' .. ARGV[6])
else
  finish(ARGV[6])
end
return 1
