import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';

/**
 * How long a parked job stays away from all workers unless it is parked anew; after the death of who parked it, it comes
 * back by itself, at the end of the line.
 */
export const PARKED_MS = 5_000;

const TO_FRONT = `--[[
  Puts a delayed job to the front of its queue, as BullMQ does with a job that stalled.
  KEYS: delayed, wait, marker, events, meta
  ARGV: job id, job key
  Returns 1 when it was put there; 0 when it is not delayed any more, or its queue is paused: BullMQ 5 keeps the jobs of a
  paused queue elsewhere, and a delayed job gets there by itself. Cost: constant.
]]
if redis.call('HEXISTS', KEYS[5], 'paused') == 1 then return 0 end
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', ARGV[2], 'delay', 0)
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], 0, '0')
redis.call('XADD', KEYS[4], '*', 'event', 'waiting', 'jobId', ARGV[1], 'prev', 'delayed')
return 1`;

/** What moves jobs aside that this process has fetched and cannot run yet. */
export interface ParkedJobs {
  /** Gives up a job's lock, without an attempt, and keeps it from all workers for a while. */
  park: (job: Job, token: string) => Promise<void>;
  /** @throws Error when it is not parked any more. */
  keepParked: (job: Job) => Promise<void>;
  /** Puts it to the front of its queue. */
  toFront: (job: Job) => Promise<void>;
}

/** @param keyOf a key of the queue by its suffix, as BullMQ names it; '' is what a job's id is appended to. */
export function parkedJobs(redis: Redis, keyOf: (suffix: string) => string, now: () => number): ParkedJobs {
  return {
    park: async (job, token) => await job.moveToDelayed(now() + PARKED_MS, token),
    keepParked: async (job) => await job.changeDelay(PARKED_MS),
    toFront: async ({ id }) => {
      const keys = ['delayed', 'wait', 'marker', 'events', 'meta'].map(keyOf);
      await redis.eval(TO_FRONT, keys.length, ...keys, id!, keyOf('') + id!);
    },
  };
}

/**
 * Keeps a job parked, until `end` is called or it is found to be gone: removed, promoted by somebody, or due while Redis
 * or this process did not answer.
 *
 * @returns `end`, which says whether it is gone.
 */
export function keepParked(
  parked: Pick<ParkedJobs, 'keepParked'>,
  job: Job,
  onGone: () => void = () => undefined,
): { end: () => boolean } {
  let [asking, gone] = [false, false];
  const keep = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    try {
      await parked.keepParked(job);
    } catch {
      gone = true;
      onGone();
    }
    asking = false;
  };
  const timer = setInterval(() => void keep(), PARKED_MS / 2);
  return {
    end: () => {
      clearInterval(timer);
      return gone;
    },
  };
}
