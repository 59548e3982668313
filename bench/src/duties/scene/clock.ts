import type { Queue } from 'bullmq';
import type { Scene } from './scene.ts';

/** Longer than a busy machine takes for a few commands, and shorter than the waits that nothing should come to. */
export const SOON_MS = 30_000;

/** When each run of a queue's jobs began, by Redis' clock: the scripts write it, whatever the machine is busy with. */
export async function startTimes(scene: Scene, queue: Queue = scene.queue): Promise<number[]> {
  const entries = await scene.redis.xrange(queue.toKey('events'), '-', '+');
  return entries.flatMap(([id, fields]) =>
    fields[fields.indexOf('event') + 1] === 'active' ? [Number(id.split('-')[0])] : [],
  );
}

/** The time by Redis' clock, ms. */
export async function redisNow({ redis }: Scene): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}
