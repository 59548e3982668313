import type { Redis } from 'ioredis';

const JOBS_PER_CALL = 5_000;
const CALLS_TOGETHER = 4;

/** Completed jobs as BullMQ leaves them. KEYS: their common text. ARGV: first and last id, when the first finished, data. */
const SEED = `
for id = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local finishedOn = string.format('%.0f', tonumber(ARGV[3]) + id / 1000)
  redis.call('HSET', KEYS[1] .. id, 'name', 'job', 'data', ARGV[4], 'opts', '{"attempts":3}', 'timestamp', finishedOn, 'delay', 0,
    'priority', 0, 'processedOn', finishedOn, 'finishedOn', finishedOn, 'ats', 1, 'atm', 1, 'returnvalue', 'null')
  redis.call('ZADD', KEYS[1] .. 'completed', finishedOn, id)
end
redis.call('SET', KEYS[1] .. 'id', ARGV[2])`;

/** Puts `jobs` completed jobs of 220 bytes of data into a queue, a thousand per ms from `finishedOnMs` on. */
export async function seedCompleted(redis: Redis, queue: string, jobs: number, finishedOnMs: number): Promise<void> {
  const data = JSON.stringify({ text: 'x'.repeat(209) });
  const pages = Array.from({ length: Math.ceil(jobs / JOBS_PER_CALL) }, (_, page) => page * JOBS_PER_CALL);
  for (let at = 0; at < pages.length; at += CALLS_TOGETHER) {
    await Promise.all(
      pages
        .slice(at, at + CALLS_TOGETHER)
        .map((from) =>
          redis.eval(SEED, 1, `bull:${queue}:`, from + 1, Math.min(jobs, from + JOBS_PER_CALL), finishedOnMs, data),
        ),
    );
  }
}
