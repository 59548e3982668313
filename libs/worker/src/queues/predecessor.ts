import type { Redis } from 'ioredis';
import { holderOf, type Holding } from './holding.ts';

/** Most active jobs read per queue, the oldest; the rest waits for its locks to end. */
const MOST_JOBS = 1_000;
/** Most processes that are looked for; a pod has few, and of those before it only what they held within a lock's time. */
const MOST_HOLDERS = 32;

const READ_LOCKS = `--[[
  Reads which active jobs processes of a pod hold, or one process.
  KEYS: active
  ARGV: key prefix of the queue's jobs, what the tokens begin with, first and last place to read
  Returns id, token, id, token... Cost: one GET per job read. Writes nothing.
]]
local held = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[1], ARGV[3], ARGV[4])) do
  local token = redis.call('GET', ARGV[1] .. id .. ':lock')
  if token and string.sub(token, 1, #ARGV[2]) == ARGV[2] then
    held[#held + 1] = id
    held[#held + 1] = token
  end
end
return held`;

const END_LOCKS = `--[[
  Ends the locks of jobs that dead processes held, and marks the jobs as stalled, so that BullMQ's next search takes them
  back at once, with all that it does for a stalled job.
  KEYS: stalled, stalled-check
  ARGV: key prefix of the queue's jobs, then id, token, id, token...
  Returns how many locks were ended. Cost: one GET per pair.
  Never moves a job, never ends a lock with another token.
]]
local ended = 0
for i = 2, #ARGV, 2 do
  local lock = ARGV[1] .. ARGV[i] .. ':lock'
  if redis.call('GET', lock) == ARGV[i + 1] then
    redis.call('DEL', lock)
    redis.call('SADD', KEYS[1], ARGV[i])
    ended = ended + 1
  end
end
if ended > 0 then redis.call('DEL', KEYS[2]) end
return ended`;

/** Where a queue's jobs lie in Redis, as BullMQ names the keys. */
export interface QueueKeys {
  active: string;
  stalled: string;
  stalledCheck: string;
  /** What a job's id is appended to. */
  jobs: string;
}

/**
 * Makes the jobs of processes of this pod that died takeable at once, instead of when their locks end. Each counts a
 * stall, as after any crash: a job that kills its pod has to end somewhere.
 *
 * Only what is proven, at any time: the lock's token names its process, of which the kernel knows whether it lives. Jobs
 * of a process beside this one, of a worker that is not ours, or of a pod of the same name elsewhere are not touched.
 *
 * @returns how many jobs they are.
 */
export async function endLocksOfTheDead(redis: Redis, keys: QueueKeys, holding: Holding): Promise<number> {
  if (holding.provable === undefined) return 0;
  const { stalled, stalledCheck, jobs } = keys;
  const locks = await readLocks(redis, keys, holding.provable, [-MOST_JOBS, -1]);
  const holders = [...new Set(locks.map(({ token }) => holderOf(token)))].slice(0, MOST_HOLDERS);
  const dead = new Set<string>();
  await Promise.all(holders.map(async (holder) => void ((await holding.isDead(holder)) && dead.add(holder))));
  const ended = locks.filter(({ token }) => dead.has(holderOf(token)));
  if (ended.length === 0) return 0;
  const pairs = ended.flatMap(({ id, token }) => [id, token]);
  return Number(await redis.eval(END_LOCKS, 2, stalled, stalledCheck, jobs, ...pairs));
}

/**
 * Reads the locks on active jobs whose token begins with `tokens`.
 *
 * @param places of the list of active jobs, in which the newest is the first.
 */
export async function readLocks(
  redis: Redis,
  { active, jobs }: Pick<QueueKeys, 'active' | 'jobs'>,
  tokens: string,
  places: readonly [first: number, last: number],
): Promise<{ id: string; token: string }[]> {
  const held = (await redis.eval(READ_LOCKS, 1, active, jobs, tokens, ...places)) as string[];
  return Array.from({ length: held.length / 2 }, (_, at) => ({ id: held[2 * at]!, token: held[2 * at + 1]! }));
}
