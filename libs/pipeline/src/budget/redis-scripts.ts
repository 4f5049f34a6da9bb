/*
 * A bucket is a hash: the tokens that were left, and when (Redis' clock, in milliseconds). Buckets of kinds stay for ever,
 * so that one which is missing tells of a Redis that forgot; one of a VM goes when it would be full again.
 */
const BUCKETS = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function level(key, burst, rate, start)
  local state = redis.call('HMGET', key, 'tokens', 'at')
  if not state[1] then return start end
  return math.min(burst, tonumber(state[1]) + math.max(0, now - tonumber(state[2])) * rate / 1000)
end
local function store(key, tokens)
  redis.call('HSET', key, 'tokens', tostring(tokens), 'at', now)
end
local function wait(tokens, rate)
  return math.max(0, math.ceil((1 - tokens) / rate * 1000))
end
`;

/** KEYS: work, clean-up, pause, VM or ''. ARGV: burst and rate of each, start share, cleaning up, longest wait. */
export const RESERVE = `${BUCKETS}
local burst, rate, keptBurst, keptRate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local vmBurst, vmRate, share = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local tokens = level(KEYS[1], burst, rate, burst * share)
local paused = redis.call('PTTL', KEYS[3])
if paused > 0 then return {paused, 0, tostring(tokens)} end

local key, left, waitMs = KEYS[1], tokens, wait(tokens, rate)
if ARGV[8] == '1' then
  local kept = level(KEYS[2], keptBurst, keptRate, keptBurst * share)
  local keptWait = wait(kept, keptRate)
  if keptWait <= waitMs then key, left, waitMs = KEYS[2], kept, keptWait end
end
local ofVm = 0
if KEYS[4] ~= '' then
  ofVm = level(KEYS[4], vmBurst, vmRate, vmBurst)
  waitMs = math.max(waitMs, wait(ofVm, vmRate))
end
if waitMs > tonumber(ARGV[9]) then return {waitMs, 0, tostring(tokens)} end

store(key, left - 1)
if KEYS[4] ~= '' then
  store(KEYS[4], ofVm - 1)
  redis.call('PEXPIRE', KEYS[4], math.ceil((vmBurst - ofVm + 1) / vmRate * 1000))
end
if key == KEYS[1] then tokens = tokens - 1 end
return {waitMs, 1, tostring(tokens)}
`;

/** KEYS: pause. ARGV: milliseconds. The longest of all pauses holds. */
export const PAUSE = `
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
return 0
`;

/** KEYS: work. ARGV: burst, rate, tokens. */
export const LOWER = `${BUCKETS}
local tokens = level(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), 0)
store(KEYS[1], math.min(tokens, tonumber(ARGV[3])))
return 0
`;
