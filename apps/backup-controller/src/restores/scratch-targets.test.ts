import type { QueueRestoreSpec } from '@redis-queue/api';
import type { ObjectKey } from '@redis-queue/controller';
import type { QueueObject, RedisAccess } from '@redis-queue/redis-access';
import { describe, expect, it } from 'vitest';
import { queueObject, restoreObject } from '../testing/objects.ts';
import { targetsFor } from './targets.ts';

const queues = [queueObject('emails'), queueObject('running', { paused: false })];
const at = (host: string): RedisAccess => ({
  ok: true,
  target: { host, port: 6379 },
  targetKey: host,
  secret: {} as never,
});
const sources = {
  queues: {
    get: ({ name }: { name: string }) => queues.find(({ metadata }) => metadata.name === name),
    list: () => queues,
  },
  resolve: ({ metadata }: QueueObject, role: string): RedisAccess => at(`${metadata.name}-${role}`),
  resolveSecret: ({ name }: ObjectKey): RedisAccess => at(name),
};
const targets = (names: readonly string[], spec: Partial<QueueRestoreSpec>): unknown => {
  const found = targetsFor({ names, leftOut: [] }, restoreObject(spec), sources);
  return Array.isArray(found)
    ? found.map(({ name, queue, target }) => `${name} → ${queue} at ${'host' in target ? target.host : ''}`)
    : found;
};

describe('the queues of a scratch restore go', () => {
  it('under keys of its own, in the Redis of their Queues, dead letters along with them; whether paused or not', () => {
    expect(targets(['emails', 'emails_dlq', 'running'], { scratch: {} })).toEqual([
      'emails → rq-scratch-01234567:{emails} at emails-restore',
      'emails_dlq → rq-scratch-01234567:{emails_dlq} at emails-restore',
      'running → rq-scratch-01234567:{running} at running-restore',
    ]);
  });

  it('into the Redis of its Secret, below its prefix, though no Queue is there', () => {
    const scratch = { prefix: 'team-a', secretRef: { name: 'redis-scratch' } };
    expect(targets(['gone', 'Ü:}{'], { scratch })).toEqual([
      'gone → team-a:rq-scratch-01234567:{gone} at redis-scratch',
      'Ü:}{ → team-a:rq-scratch-01234567:{=c3=9c=3a=7d=7b} at redis-scratch',
    ]);
  });

  it('nowhere without either, and it says why', () => {
    expect(targets(['emails', 'gone'], { scratch: {} })).toEqual({
      reason: 'QueueNotFound',
      message: expect.stringContaining('name a Secret in spec.scratch.secretRef'),
    });
    expect(targets(['emails'], { scratch: {}, queues: [{ name: 'lost' }] })).toMatchObject({
      reason: 'QueueNotInBackup',
    });
  });
});
