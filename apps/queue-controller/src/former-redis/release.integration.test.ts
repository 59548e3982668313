import type { Queue, QueueSpec } from '@redis-queue/api';
import { formatOwnerMark, RedisConnections, type ManagedField, type RedisTarget } from '@redis-queue/bullmq';
import { CircuitBreakers, type SecretObject } from '@redis-queue/redis-access';
import { startRedis, type RedisServer } from '@redis-queue/rig';
import { Queue as BullQueue } from 'bullmq';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ADOPTED_AT, CLUSTER, queueObject } from '../testing/queues.ts';
import { FormerRedisReleases, type Current, type FormerReport } from './release.ts';

// What is done in a Redis that a queue has left, on a real one.

const META = 'bull:emails:meta';
const OWNER = `${CLUSTER}/shop/emails`;
const MOVED_AT = '2026-02-02T00:00:00.000Z';
const connections = new RedisConnections();
let server: RedisServer;
let redis: ReturnType<RedisConnections['get']>;
beforeAll(async () => {
  server = await startRedis({ password: 'hunter2' });
  redis = connections.get(targetOf('hunter2'));
});
beforeEach(() => redis.flushall());
afterAll(async () => {
  connections.close();
  await server?.stop();
});

const targetOf = (password: string): RedisTarget => ({ host: server.host, port: server.port, password });
const mark = (managed: ManagedField[], owner = OWNER, adoptedAt = ADOPTED_AT): string =>
  formatOwnerMark({ owner, managed, adoptedAt });
/** In the new Redis. */
const MARK_SINCE = mark([], OWNER, '2026-02-03T00:00:00.000Z');
const secretOf = (password: string, username = 'default'): SecretObject => {
  const login = { 'redis-username': username, 'redis-password': password };
  const texts = { 'redis-host': server.host, 'redis-port': String(server.port), ...login };
  const data = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, btoa(text)]));
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'shop', name: 'second' }, data };
};

class Scene {
  nowMs = 0;
  writes = 0;
  /** How many writes happen before the process ends. */
  maxWrites = Infinity;
  secret: SecretObject | undefined;
  readonly queue: Queue;
  readonly releases: FormerRedisReleases;

  constructor(spec: QueueSpec = {}) {
    this.queue = queueObject(
      spec,
      {},
      {
        formerRedis: [{ address: `${server.host}:${server.port}`, since: MOVED_AT }],
      },
    );
    const now = (): number => this.nowMs;
    this.releases = new FormerRedisReleases(
      {
        connections,
        breakers: new CircuitBreakers({ now }),
        secrets: {
          reader: 'queue-controller',
          permittedSecrets: new Set(['redis-credentials', 'second']),
          secret: ({ name }) => (name === 'second' ? this.secret : undefined),
        },
        describe: (error) => (error as Error).message,
        mayWrite: () => {
          if (this.writes++ >= this.maxWrites) throw new Error('another leads');
        },
      },
      now,
    );
    this.releases.remembered.remember(this.queue, targetOf('hunter2'));
  }

  async release(current: Partial<Current> = {}): Promise<FormerReport | undefined> {
    const signal = new AbortController().signal;
    const [report] = await this.releases.release(this.queue, { owner: OWNER, rawMark: MARK_SINCE, signal, ...current });
    return report;
  }
}

describe('a Redis that a queue has left', () => {
  it.each([
    ['is from before the move', mark([])],
    ['could not be written', undefined],
    ['is that of another', mark([], `${CLUSTER}/crm/mail`, '2026-02-03T00:00:00.000Z')],
    ['is of a later release', '{"v":2}'],
  ])('is left alone while the mark in the new one %s', async (_, rawMark) => {
    await redis.hset(META, 'redis-queue:owner', mark([]));
    const scene = new Scene();
    expect(await scene.release({ rawMark })).toMatchObject({ state: 'pending' });
    expect(await redis.exists(META)).toBe(1);
  });

  it('is not tried when the annotation says that it is to stay as it is', async () => {
    await redis.hset(META, 'redis-queue:owner', mark([]));
    const scene = new Scene();
    scene.queue.metadata.annotations = { 'redis-queue.io/forget-former-redis': `${server.host}:${server.port}` };
    expect(await scene.release()).toBeUndefined();
    expect(await redis.exists(META)).toBe(1);
  });

  it.each([
    ['another governs', () => mark(['globalConcurrency'], `${CLUSTER}/crm/mail`), undefined],
    ['is the new one, by another name', () => mark(['globalConcurrency'], OWNER), 'same'],
  ])('that %s is not written to', async (_, stored, same) => {
    const text = stored().replace(ADOPTED_AT, '2026-03-03T00:00:00.000Z');
    await redis.hset(META, { 'redis-queue:owner': text, concurrency: 4 });
    const scene = new Scene();
    expect(await scene.release({ rawMark: same ? text : MARK_SINCE })).toMatchObject({ state: 'absent' });
    expect([scene.writes, await redis.hget(META, 'concurrency')]).toEqual([0, '4']);
  });

  /** As many writes until the process ends, and what it reported. */
  it.each([
    ...[0, 1, 2].map((writes) => [writes, { state: 'held', why: 'another leads' }] as const),
    [Infinity, { state: 'released', cleared: ['rateLimit', 'deadLetters', 'maxEvents'] }] as const,
  ])('loses what the mark names, and nothing that others set, also when cut off after %d writes', async (n, report) => {
    const schedulers = new BullQueue('emails', { connection: { ...server, password: 'hunter2' } });
    for (const name of ['ours', 'theirs']) await schedulers.upsertJobScheduler(name, { every: 60_000 });
    await schedulers.close();
    const owned = mark(['rateLimit', 'paused', 'deadLetters', 'maxEvents']);
    const set = { max: 5, duration: 1000, paused: 1, 'opts.maxLenEvents': 9, concurrency: 7, version: 'bullmq:6.7.0' };
    await redis.hset(META, { ...set, 'redis-queue:owner': owned, 'redis-queue:schedulers': `${OWNER}\nours` });
    await redis.hset('bull:emails-dlq:meta', { 'redis-queue:owner': mark([]), version: 'bullmq:6.7.0' });
    await redis.rpush('bull:emails:wait', 'a', 'b');
    const first = new Scene();
    first.maxWrites = n;
    expect(await first.release()).toMatchObject(report);
    await new Scene().release();
    expect(await redis.hgetall(META)).toEqual({ concurrency: '7', paused: '1', version: 'bullmq:6.7.0' });
    expect(await redis.hgetall('bull:emails-dlq:meta')).toEqual({ version: 'bullmq:6.7.0' });
    expect(await redis.zrange('bull:emails:repeat', 0, '-1')).toEqual(['theirs']);
    expect((await redis.lrange('bull:emails:wait', 0, -1)).filter((id) => !id.startsWith('repeat:'))).toEqual([
      'a',
      'b',
    ]);
    expect(await new Scene().release()).toMatchObject({ state: 'absent' });
  });

  it('that refuses the former password is tried with every Secret that leads there, ever more rarely', async () => {
    await redis.hset(META, 'redis-queue:owner', mark([]));
    const scene = new Scene();
    scene.releases.remembered.forget('u1');
    scene.releases.remembered.remember(scene.queue, targetOf('former'));
    const refused = await scene.release();
    expect(refused).toMatchObject({ state: 'held', why: expect.stringMatching(/WRONGPASS/) as string });
    expect(JSON.stringify(refused)).not.toMatch(/former|hunter2/);
    expect(await scene.release()).toEqual(refused);
    // Credentials that were not tried yet are tried at once.
    scene.secret = secretOf('hunter2');
    expect(await scene.release()).toMatchObject({ state: 'released', cleared: [] });
    expect(await redis.exists(META)).toBe(0);
  });

  it('that hangs is given up after a second with each of its credentials, also when the reconcile is given up', async () => {
    await redis.call('ACL', 'SETUSER', 'other', 'on', '>hunter3', '~*', '+@all');
    const [scene, ended] = [new Scene(), new Scene()];
    scene.secret = secretOf('hunter3', 'other');
    process.kill(server.pid, 'SIGSTOP');
    try {
      const startMs = performance.now();
      const release = ended.release({ signal: AbortSignal.timeout(100) });
      const [held] = await Promise.all([scene.release(), expect(release).rejects.toThrow(/timeout/)]);
      expect(performance.now() - startMs).toBeLessThan(2_900);
      expect(held).toMatchObject({ state: 'held', why: 'it does not answer in time' });
      expect(ended.releases.dueInMs(ended.queue, ended.queue.status!.formerRedis!)).toBe(2_000);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
  });

  it('without credentials is said to be held, and nobody is asked', async () => {
    const scene = new Scene();
    scene.releases.forget('u1');
    expect(await scene.release()).toMatchObject({ state: 'held', why: 'no Secret has its credentials any more' });
    const waits: number[] = [];
    for (let attempt = 0; attempt < 11; attempt++) {
      waits.push(scene.releases.dueInMs(scene.queue, scene.queue.status!.formerRedis!)!);
      scene.nowMs += waits.at(-1)!;
      await scene.release();
    }
    expect(waits.slice(0, 4)).toEqual([2_000, 4_000, 8_000, 16_000]);
    expect(waits.slice(-2)).toEqual([600_000, 600_000]);
  });
});
