import { CircuitBreakers } from '@redis-queue/redis-access';
import { createLog, WritesStoppedError, type KindContext } from '@redis-queue/controller';
import { connectionKey, NO_DIGEST, RedisConnections } from '@redis-queue/bullmq';
import type { QueueReason } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { applyQueue, type Applied } from './apply.ts';
import { ServerInfoCache } from './access/server-info.ts';
import type { Sources } from './access/sources.ts';
import type { QueuePlan } from './steps.ts';
import { FENCE, markOf, NOW, queueObject } from './testing/queues.ts';

// Walls 2, 4 and 5: a write begins only while this process leads, each has a deadline of its own, and a removal over a
// slow link is no outage of its Redis.

const DEADLINE_MS = 400;
const PAUSE: QueuePlan = { steps: [{ kind: 'pause' }], rawOwnerMark: markOf([]) };
const OBLITERATE: QueuePlan = { steps: [{ kind: 'obliterate', stopAt: 'busy' }], rawOwnerMark: markOf([]) };
const answerLate = (ms: number, reply: unknown) => (): Promise<unknown> =>
  new Promise((resolve) => void setTimeout(resolve, ms, reply));
const hang = (): Promise<never> => new Promise(() => undefined);

class Stage {
  leads = true;
  /** Wall time. */
  nowMs = NOW.getTime();
  commands = 0;
  readonly reconcile = new AbortController();
  readonly breakers = new CircuitBreakers({ timeoutMs: DEADLINE_MS, now: () => performance.now() });
  readonly #answer: () => Promise<unknown>;

  /** @param answer what Redis does with a script. */
  constructor(answer: () => Promise<unknown>) {
    this.#answer = answer;
  }

  /** The key by which calls to the Redis of the queue are counted. */
  targetKey = '';

  async apply(plan: QueuePlan): Promise<Applied> {
    const context = {
      signal: this.reconcile.signal,
      log: createLog({ name: 'test', write: () => {} }),
      now: () => new Date(this.nowMs),
      applyFinalizer: () => Promise.resolve(),
    } as unknown as KindContext<QueueReason>;
    const target = { host: 'redis', port: 6379 };
    const way = { target, targetKey: connectionKey(target) };
    return await applyQueue(queueObject(), { plan, way }, context, this.#sources());
  }

  #sources(): Sources {
    const connections = new RedisConnections();
    const call = (): Promise<unknown> => {
      this.commands++;
      return this.#answer();
    };
    connections.get = () => ({ call }) as unknown as ReturnType<RedisConnections['get']>;
    const data = { 'redis-host': Buffer.from('redis').toString('base64') };
    const run: CircuitBreakers['run'] = (targetKey, write) => {
      this.targetKey = targetKey;
      return this.breakers.run(targetKey, write);
    };
    return {
      clusterId: 'c1',
      fence: FENCE,
      connections,
      breakers: { run } as CircuitBreakers,
      servers: new ServerInfoCache(() => 0),
      claimantsOf: () => [],
      readQueue: () => Promise.resolve('gone' as const),
      secrets: {
        reader: 'queue-controller',
        permittedSecrets: new Set(['redis-credentials']),
        secret: () => ({
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { namespace: 'shop', name: 'redis-credentials' },
          data,
        }),
      },
      assertLeading: () => {
        if (!this.leads) throw new WritesStoppedError('the lease is another’s');
      },
    };
  }

  /** Makes all further calls to this Redis wait, until the given one, which finds out whether it answers, ends. */
  async occupy(until: Promise<unknown>): Promise<void> {
    this.leads = false;
    await this.apply(PAUSE);
    this.leads = true;
    void this.breakers.run(this.targetKey, () => until).catch(() => undefined);
  }
}

describe('a write to Redis', () => {
  it('is not begun by a process that leads no longer', async () => {
    const stage = new Stage(() => Promise.resolve(0));
    stage.leads = false;
    expect((await stage.apply(PAUSE)).failure?.error).toBeInstanceOf(WritesStoppedError);
    expect(stage.commands).toBe(0);
  });

  it('is not begun by a process that stopped leading while the write waited for its turn', async () => {
    const stage = new Stage(() => Promise.resolve(0));
    const other = Promise.withResolvers<void>();
    await stage.occupy(other.promise);
    const waiting = stage.apply(PAUSE);
    stage.leads = false;
    other.resolve();
    expect((await waiting).failure?.error).toBeInstanceOf(WritesStoppedError);
    expect(stage.commands).toBe(0);
  });

  it('is not begun by a reconcile that was given up', async () => {
    const stage = new Stage(() => Promise.resolve(0));
    const other = Promise.withResolvers<void>();
    await stage.occupy(other.promise);
    const waiting = stage.apply(PAUSE);
    stage.reconcile.abort(new Error('given up'));
    other.resolve();
    expect((await waiting).failure?.error).toMatchObject({ message: 'given up' });
    expect(stage.commands).toBe(0);
  });

  it('that hangs ends at its deadline, and is the condition of its queue', async () => {
    const stage = new Stage(hang);
    const { done, problem } = await stage.apply(PAUSE);
    expect(done).toEqual([]);
    expect(problem).toMatchObject({
      reason: 'RedisUnreachable',
      message: expect.stringContaining('did not answer in time'),
    });
    expect(stage.breakers.openTargets()).toEqual([stage.targetKey]);
  });
});

describe('what a plan left', () => {
  const DIGEST = 'd'.repeat(16);
  const RESUME: QueuePlan = { steps: [{ kind: 'resume' }], rawOwnerMark: markOf([]) };

  it('is the digest after its last write', async () => {
    expect(await new Stage(() => Promise.resolve([0, DIGEST])).apply(RESUME)).toMatchObject({ digest: DIGEST });
    const nothing = await new Stage(hang).apply({ steps: [], digest: DIGEST });
    expect(nothing).toEqual({ done: [], digest: DIGEST });
  });

  it('has to be looked at again while jobs of an old client are left, and is not known of a plan that stopped', async () => {
    expect(await new Stage(() => Promise.resolve([7, DIGEST])).apply(RESUME)).toMatchObject({ digest: NO_DIGEST });
    const lost = await new Stage(() => Promise.resolve([-1, ''])).apply(RESUME);
    expect(lost).toEqual({ done: [], problem: expect.objectContaining({ reason: 'OwnershipLost' }) });
  });
});

describe('removing a large queue', () => {
  it('over a slow link is no outage: each round has a deadline of its own', async () => {
    const stage = new Stage(answerLate(DEADLINE_MS / 50, ['more', 500, 12_300]));
    const { done, problem } = await stage.apply(OBLITERATE);
    expect(done).toEqual([]);
    expect(problem).toEqual({
      reason: 'Deleting',
      message: 'the data in Redis is being removed; 12300 jobs are left',
    });
    expect(stage.commands).toBe(20);
    expect(stage.breakers.openTargets()).toEqual([]);
  });

  it('takes few rounds of a reconcile where each is slow', async () => {
    const stage = new Stage(() => {
      stage.nowMs += 1_000;
      return Promise.resolve(['more', 500, 1]);
    });
    expect((await stage.apply(OBLITERATE)).problem?.reason).toBe('Deleting');
    expect(stage.commands).toBe(3);
  });

  it('stops between two rounds when the process leads no longer, or the reconcile was given up', async () => {
    for (const stop of ['lease', 'reconcile']) {
      const stage = new Stage(() => {
        if (stage.commands === 4) {
          if (stop === 'lease') stage.leads = false;
          else stage.reconcile.abort(new Error('given up'));
        }
        return Promise.resolve(['more', 500, 1]);
      });
      const { failure } = await stage.apply(OBLITERATE);
      expect(String(failure?.error)).toMatch(/the lease is another’s|given up/);
      expect(stage.commands).toBe(4);
    }
  });

  it.each([
    ['ownershipLost', 'OwnershipLost', 'another claimant'],
    ['late', 'Deleting', 'answers slowly'],
    ['unfinishedJobs', 'Deleting', '7 jobs came meanwhile'],
    ['activeJobs', 'ActiveJobs', '7 jobs are active'],
    ['waitingChildren', 'WaitingChildren', '7 flow parents wait'],
  ])('%s stops it: %s', async (outcome, reason, message) => {
    const { problem } = await new Stage(() => Promise.resolve([outcome, 0, 7])).apply(OBLITERATE);
    expect(problem).toMatchObject({ reason, message: expect.stringContaining(message) });
  });
});
