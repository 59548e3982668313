import type { Redis } from 'ioredis';

/** Most active jobs read per queue; the rest waits for its locks to end. */
const MOST_JOBS = 1_000;

const END_LOCKS = `--[[
  Ends the locks of the jobs that a process of this name has left behind, and marks them as stalled, so that BullMQ's
  next search takes them back at once, with all that it does for a stalled job.
  KEYS: active, stalled, stalled-check
  ARGV: key prefix of the queue's jobs, name of the worker, most jobs to read
  Returns how many were found. Cost: one HGET per job read.
  Never moves a job, never touches one of another name.
]]
local found = 0
for _, id in ipairs(redis.call('LRANGE', KEYS[1], -tonumber(ARGV[3]), -1)) do
  local job = ARGV[1] .. id
  if redis.call('HGET', job, 'pb') == ARGV[2] then
    redis.call('DEL', job .. ':lock')
    redis.call('SADD', KEYS[2], id)
    found = found + 1
  end
end
if found > 0 then redis.call('DEL', KEYS[3]) end
return found`;

/** Where a queue's jobs lie in Redis, as BullMQ names the keys. */
export interface QueueKeys {
  active: string;
  stalled: string;
  stalledCheck: string;
  /** What a job's id is appended to. */
  jobs: string;
}

/**
 * Makes the jobs of a process of the same name that died takeable at once, instead of when their locks end. Each counts
 * a stall, as after any crash: a job that kills its pod has to end somewhere.
 *
 * Sound only before this process has fetched from the queue, and only where two processes never share a name:
 * Kubernetes starts a pod's container again once the one before it is dead.
 *
 * @returns how many jobs were found.
 */
export async function endPredecessorsLocks(redis: Redis, keys: QueueKeys, workerName: string): Promise<number> {
  const { active, stalled, stalledCheck, jobs } = keys;
  return Number(await redis.eval(END_LOCKS, 3, active, stalled, stalledCheck, jobs, workerName, MOST_JOBS));
}
