import type { QueueRestoreSpec } from '@redis-queue/api';
import type { RedisAccess, QueueObject } from '@redis-queue/redis-access';
import { describe, expect, it } from 'vitest';
import { queueObject, restoreObject } from '../testing/objects.ts';
import { resolveTargets } from './targets.ts';

const queues = [
  queueObject('emails'),
  queueObject('other', { name: 'renamed', redis: { prefix: 'p' } }),
  queueObject('running', { paused: false }),
  queueObject('paused', { paused: true }),
  queueObject('same', { name: 'emails' }),
  queueObject('closed'),
  queueObject('watched', { adoptionPolicy: 'Observe' }),
];
const resolve = ({ metadata: { name } }: QueueObject): RedisAccess =>
  name === 'closed'
    ? { ok: false, problem: { reason: 'SecretNotFound', message: 'no Secret' } }
    : { ok: true, target: { host: 'redis', port: 6379 }, targetKey: 'redis', secret: {} as never };
const sources = {
  queues: {
    get: ({ name }: { name: string }) => queues.find(({ metadata }) => metadata.name === name),
    list: () => queues,
  },
  resolve,
};
const targets = (names: readonly string[], spec: Partial<QueueRestoreSpec> = {}): unknown => {
  const found = resolveTargets({ names, leftOut: [] }, restoreObject(spec), sources);
  return Array.isArray(found) ? found.map(({ name, ref }) => `${name} → ${ref.prefix}:${ref.name}`) : found;
};

describe('the queues of a backup go', () => {
  it('into the Queues of their names, and dead letters into those of the same Queue', () => {
    expect(targets(['emails', 'emails_dlq', 'paused'])).toEqual([
      'emails → bull:emails',
      'emails_dlq → bull:emails-dlq',
      'paused → bull:paused',
    ]);
  });

  it('into the Queue that spec.queues names for them, and no others go along', () => {
    const spec = { queues: [{ name: 'emails', to: { queue: 'other' } }, { name: 'paused' }] };
    expect(targets(['emails', 'emails_dlq', 'paused', 'rest'], spec)).toEqual([
      'emails → p:renamed',
      'emails_dlq → p:renamed-dlq',
      'paused → bull:paused',
    ]);
  });

  it('without their dead letters where deadLetters is false, unless those are named', () => {
    const names = ['emails', 'emails_dlq', 'paused'];
    expect(targets(names, { deadLetters: false })).toEqual(['emails → bull:emails', 'paused → bull:paused']);
    const asked = [{ name: 'emails_dlq', to: { queue: 'paused' } }];
    expect(targets(names, { deadLetters: false, queues: asked })).toEqual(['emails_dlq → bull:paused-dlq']);
  });

  it('dead letters alone into those of a Queue, where a redrive finds them, and never into its queue', () => {
    expect(targets(['emails', 'emails_dlq'], { queues: [{ name: 'emails_dlq', to: { queue: 'paused' } }] })).toEqual([
      'emails_dlq → bull:paused-dlq',
    ]);
    expect(targets(['emails', 'emails_dlq'], { queues: [{ name: 'emails_dlq' }] })).toEqual([
      'emails_dlq → bull:emails-dlq',
    ]);
    expect(targets(['emails_dlq'])).toEqual(['emails_dlq → bull:emails-dlq']);
  });

  it.each([
    ['QueueNotInBackup', ['emails'], [{ name: 'lost' }], 'it has emails'],
    ['QueueNotFound', ['gone'], undefined, 'Queue gone, which does not exist'],
    ['QueueNotPausable', ['running'], undefined, 'spec.paused: false'],
    ['QueueObserved', ['watched'], undefined, 'adoptionPolicy: Observe'],
    ['SecretNotFound', ['closed'], undefined, 'no Secret'],
    ['TargetsClash', ['emails', 'same'], undefined, 'queues emails and same'],
  ])('nowhere, and it says why: %s', (reason, names, asked, message) => {
    expect(targets(names, asked && { queues: asked })).toEqual({ reason, message: expect.stringContaining(message) });
  });

  it('also into a Queue that is not to be paused, or is only observed by now, once all of it is there', () => {
    const found = resolveTargets({ names: ['running', 'watched'], leftOut: [] }, restoreObject(), sources, {
      isWritten: true,
    });
    expect(found).toMatchObject([{ queue: 'running' }, { queue: 'watched' }]);
  });
});
