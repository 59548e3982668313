import { RESTORE_FIELD } from '@redis-queue/bullmq';
import { startRedis, type RedisServer } from '@redis-queue/rig';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withRedis, type Redis } from '../access/redis.ts';
import { abandonQueues } from './end-restore.ts';
import { removeScratchQueues } from './run-scratch.ts';
import { BEGINS_WITHIN_MS, beginQueue, takeTargets } from './take-targets.ts';
import type { QueueTarget } from './targets.ts';

const signal = AbortSignal.timeout(60_000);
const fence = { restoreId: 'r-1', signal, assertLeading: () => undefined, keepsPaused: () => false };

let server: RedisServer;
beforeAll(async () => void (server = await startRedis()));
afterAll(() => server.stop());

const target = (name: string): QueueTarget => {
  const { host, port } = server;
  return { name, queue: name, ref: { prefix: 'bull', name }, target: { host, port } };
};
const inRedis = <T>(call: (redis: Redis) => Promise<T>): Promise<T> =>
  withRedis(target('any').target, signal, ({ redis }) => call(redis));

describe.concurrent('what takes a restore back', () => {
  it.each([
    ['abandonment', abandonQueues, {}],
    ['removal of a scratch restore', removeScratchQueues, { scratch: true }],
  ] as const)('also takes back what was begun by a call that was on its way: %s', async (what, takeBack, more) => {
    const [late, early] = [target(`late-${what}`), target(`early-${what}`)];
    const begin = (place: QueueTarget) => takeTargets([place], { ...fence, ...more });
    await begin(early);
    const waited: number[] = [];
    const sleep = async (ms: number): Promise<void> => {
      waited.push(ms);
      await begin(late);
    };
    await takeBack([early, late], { ...fence, sleep });
    expect(waited).toEqual([expect.any(Number)]);
    expect(waited[0]).toBeGreaterThan(BEGINS_WITHIN_MS);
    for (const { ref } of [early, late])
      expect(await inRedis((redis) => redis.hmget(`bull:${ref.name}:meta`, 'paused', RESTORE_FIELD))).toEqual([
        null,
        null,
      ]);
  });

  it('has waited for long enough: a call that comes later begins no restore', async () => {
    const place = target('refused');
    await withRedis(place.target, signal, async (access) => {
      // A network that holds back what is written, and nothing that is read.
      const redis = new Proxy(access.redis, {
        get: (client, name) =>
          name === 'call'
            ? async (command: string, ...args: string[]) => {
                if (/^eval(?:sha)?$/.test(command)) await setTimeout(BEGINS_WITHIN_MS + 100);
                return await client.call(command, ...args);
              }
            : (Reflect.get(client, name) as unknown),
      });
      await expect(beginQueue(place, { ...access, redis }, fence)).rejects.toThrow('queue refused');
      expect(await access.redis.exists('bull:refused:meta')).toBe(0);
    });
  }, 20_000);
});
