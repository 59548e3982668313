import type { Redis } from 'ioredis';

const JOBS_PER_CALL = 5_000;
const CALLS_TOGETHER = 4;

type Index = 'wait' | 'active' | 'delayed' | 'prioritized' | 'waiting-children' | 'completed' | 'failed';

/** What share of all jobs is in each state. */
const SHARES: Readonly<Partial<Record<Index, number>>> = {
  wait: 0.25,
  active: 0.05,
  delayed: 0.2,
  prioritized: 0.1,
  'waiting-children': 0.05,
  completed: 0.25,
  failed: 0.1,
};

/** Jobs as BullMQ leaves them. KEYS: their common text. ARGV: first and last id, index, time, data. */
const SEED = `
local index, now = ARGV[3], tonumber(ARGV[4])
for id = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local key = KEYS[1] .. id
  local at = string.format('%.0f', now + id)
  redis.call('HSET', key, 'name', 'job', 'data', ARGV[5], 'opts', '{"attempts":3}', 'timestamp', at, 'delay', 0, 'priority', 0)
  if index == 'completed' or index == 'failed' then
    redis.call('HSET', key, 'processedOn', at, 'finishedOn', at, 'ats', 1, 'atm', 1, 'returnvalue', 'null')
  end
  if index == 'wait' or index == 'active' then redis.call('LPUSH', KEYS[1] .. index, id)
  elseif index == 'delayed' then redis.call('ZADD', KEYS[1] .. index, string.format('%.0f', (now + 86400000 + id) * 4096), id)
  elseif index == 'prioritized' then redis.call('ZADD', KEYS[1] .. index, string.format('%.0f', (id % 10 + 1) * 4294967296 + id), id)
  else redis.call('ZADD', KEYS[1] .. index, at, id) end
  if index == 'waiting-children' then redis.call('SADD', key .. ':dependencies', 'bull:children:' .. id) end
  if index == 'completed' and id % 10 == 0 then redis.call('RPUSH', key .. ':logs', 'began', 'ended') end
end
redis.call('SET', KEYS[1] .. 'id', ARGV[2])`;

/** Puts as many jobs into a queue, by default in every state, each with `dataBytes` of data; their ids count from 1. */
export async function seedEveryState(
  redis: Redis,
  queue: string,
  jobs: number,
  dataBytes: number,
  shares = SHARES,
): Promise<void> {
  const data = JSON.stringify({ text: 'x'.repeat(Math.max(0, dataBytes - 11)) });
  const calls: [first: number, last: number, index: string][] = [];
  let [next, share] = [1, 0];
  for (const [index, part] of Object.entries(shares)) {
    share += part;
    for (const last = Math.round(jobs * share); next <= last; next += JOBS_PER_CALL)
      calls.push([next, Math.min(last, next + JOBS_PER_CALL - 1), index]);
    next = Math.round(jobs * share) + 1;
  }
  for (let at = 0; at < calls.length; at += CALLS_TOGETHER) {
    await Promise.all(
      calls
        .slice(at, at + CALLS_TOGETHER)
        .map((call) => redis.eval(SEED, 1, `bull:${queue}:`, ...call, Date.now(), data)),
    );
  }
}

/** Puts keys beside the queue, for whom it costs more who looks at all keys. */
export async function seedOthers(redis: Redis, keys: number): Promise<void> {
  const set = `for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do redis.call('SET', KEYS[1] .. i, 'x') end`;
  for (let at = 0; at < keys; at += JOBS_PER_CALL)
    await redis.eval(set, 1, 'other:', at, Math.min(keys, at + JOBS_PER_CALL) - 1);
}
