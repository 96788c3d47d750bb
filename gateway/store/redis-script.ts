/**
 * Writes, replaces or deletes one document in one step. KEYS: the document, the index of its collection, the counter of
 * versions. ARGV: now; the version that must be there ('' any, 0 none); the value ('' deletes); expiry ('' none); the key.
 * Answers 1 when it was done. Expired keys leave the index with the next write.
 */
export const WRITE = `
local now = tonumber(ARGV[1])
local have = redis.call('HMGET', KEYS[1], 'version', 'expires')
local live = have[1] and (have[2] == '' or tonumber(have[2]) > now)
local version = live and have[1] or '0'
if ARGV[2] ~= '' and ARGV[2] ~= version then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('DEL', KEYS[1])
if ARGV[3] == '' then
  redis.call('ZREM', KEYS[2], ARGV[5])
  return live and 1 or 0
end
redis.call('HSET', KEYS[1], 'value', ARGV[3], 'version', redis.call('INCR', KEYS[3]), 'expires', ARGV[4])
if ARGV[4] == '' then
  redis.call('ZADD', KEYS[2], '+inf', ARGV[5])
else
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[5])
  redis.call('PEXPIRE', KEYS[1], math.max(1, tonumber(ARGV[4]) - now))
end
return 1
`;

/** Gives a lease up, if it is still ours. KEYS: the lease. ARGV: its token. */
export const RELEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;
