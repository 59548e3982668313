import { ApiError, ConnectionError } from '@redis-queue/controller';
import { describe, expect, it } from 'vitest';
import { observeQueue } from '../observe.ts';
import type { Sources } from '../access/sources.ts';
import { readQueue } from '../sources.ts';
import { CLUSTER, markOf, observed, queueObject } from '../testing/queues.ts';

const KEY = { namespace: 'crm', name: 'mail' };
const refused = (code: number, reason: string) => new ApiError('GET /x', { code, reason, message: 'no' });
/** What passes, and says nothing of whether there is a Queue. */
const PASSING: [string, Error][] = [
  ['a busy API server', refused(429, 'TooManyRequests')],
  ['an API server in trouble', refused(500, 'InternalError')],
  ['a time-out', refused(504, 'Timeout')],
  ['an API server that does not answer', new ConnectionError('GET /x', new Error('ECONNREFUSED'))],
];

const clientOf = (answer: () => Promise<never> | Promise<undefined>) => ({ get: answer });

describe('reading the Queue that an owner mark names', () => {
  it('gives the Queue, or that it is gone', async () => {
    const holder = queueObject({}, KEY);
    const client = { get: <T>() => Promise.resolve(holder as T) };
    expect(await readQueue(client, KEY)).toBe(holder);
    expect(
      await readQueue(
        clientOf(() => Promise.resolve(undefined)),
        KEY,
      ),
    ).toBe('gone');
  });

  it('is unknown only where RBAC does not permit it', async () => {
    expect(
      await readQueue(
        clientOf(() => Promise.reject(refused(403, 'Forbidden'))),
        KEY,
      ),
    ).toBeUndefined();
  });

  it.each(PASSING)('%s is thrown, and is neither a holder nor the lack of one', async (_, error) => {
    await expect(
      readQueue(
        clientOf(() => Promise.reject(error)),
        KEY,
      ),
    ).rejects.toBe(error);
  });
});

describe('a queue that bears the mark of another Queue', () => {
  const policy = { exists: true, paused: false, legacyPaused: 0, rawOwnerMark: markOf([], `${CLUSTER}/crm/mail`) };
  const sourcesWith = (holder: Sources['readQueue']): Sources => {
    const data = { 'redis-host': btoa('127.0.0.1') };
    const metadata = { namespace: 'shop', name: 'redis-credentials' };
    return {
      clusterId: CLUSTER,
      connections: { get: () => undefined },
      breakers: { run: () => Promise.resolve({ ...observed(), policy }) },
      secrets: {
        reader: 'queue-controller',
        permittedSecrets: new Set(['redis-credentials']),
        secret: () => ({ apiVersion: 'v1', kind: 'Secret', metadata, data }),
      },
      claimantsOf: () => [],
      readQueue: holder,
    } as unknown as Sources;
  };

  it('is observed with what became of that Queue', async () => {
    const found = await observeQueue(
      queueObject(),
      sourcesWith(() => Promise.resolve('gone')),
    );
    expect(found.holder).toBe('gone');
    const unknown = await observeQueue(
      queueObject(),
      sourcesWith(() => Promise.resolve(undefined)),
    );
    expect(unknown.holder).toBe('unknown');
  });

  it('is observed by requests that end with the reconcile', async () => {
    const { signal } = new AbortController();
    const signals: unknown[] = [];
    const client = { get: (_: unknown, __: unknown, options: unknown) => Promise.resolve(void signals.push(options)) };
    const sources = sourcesWith((key, given) => readQueue(client, key, given));
    await observeQueue(queueObject(), sources, signal);
    expect(signals).toEqual([{ signal }]);
  });

  it.each(PASSING)('%s fails the reconcile, and is not taken for trouble of Redis', async (_, error) => {
    const sources = sourcesWith(() => Promise.reject(error));
    await expect(observeQueue(queueObject(), sources)).rejects.toBe(error);
  });
});
