import { expect, it } from 'vitest';
import { RESERVED_PREFIX, type Queue, type WorkerPool } from '@redis-queue/api';
import type { QueueObject, SecretObject } from '@redis-queue/redis-access';
import { BUS_PREFIX } from '@redis-queue/scaling-bus';
import { aPool, aQueue } from '../testing/objects.ts';
import { changesPods, resolveQueues, type PoolQueues } from './resolve.ts';

const secretOf = (data: Record<string, string>): SecretObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'redis-credentials', namespace: 'team-a' },
  data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
});

function resolve(queues: Queue[], change: { pool?: WorkerPool; secret?: SecretObject | 'none' } = {}) {
  const {
    pool = aPool({ queues: queues.map((queue) => queue.metadata.name) }),
    secret = secretOf({ 'redis-host': 'r' }),
  } = change;
  return resolveQueues(pool, {
    queue: (name) => queues.find((queue) => queue.metadata.name === name),
    secrets: {
      reader: 'workerpool-controller',
      secret: () => (secret === 'none' ? undefined : secret),
      permittedSecrets: new Set(['redis-credentials', 'for-workers']),
    },
  });
}

it('gives the pods every queue by its name in Redis and its prefix, in one order whatever the spec says', () => {
  const queues = [aQueue('b', { redis: { prefix: 'jobs' } }), aQueue('a', { name: 'mail' })];
  expect(resolve(queues)).toMatchObject({
    queues: [
      { queue: 'a', name: 'mail', prefix: 'bull' },
      { queue: 'b', name: 'b', prefix: 'jobs' },
    ],
    secretName: 'redis-credentials',
  });
});

it('gives the pods the time that jobs of a queue may take, where the Queue says so', () => {
  expect(resolve([aQueue('a', { jobTimeout: '10m' }), aQueue('b')])).toMatchObject({
    queues: [
      { queue: 'a', name: 'a', prefix: 'bull', jobTimeoutMs: 600_000 },
      { queue: 'b', name: 'b', prefix: 'bull' },
    ],
  });
});

it('gives the pods the weight of each queue that queueWeights gives another than 1', () => {
  const pool = aPool({ queues: ['a', 'b', 'c'], queueWeights: { a: 3, b: 1 } });
  expect(resolve([aQueue('a'), aQueue('b'), aQueue('c')], { pool })).toMatchObject({
    queues: [
      { queue: 'a', name: 'a', prefix: 'bull', weight: 3 },
      { queue: 'b', name: 'b', prefix: 'bull' },
      { queue: 'c', name: 'c', prefix: 'bull' },
    ],
  });
  expect(resolve([aQueue('b')], { pool: aPool({ queues: ['b'], queueWeights: { b: 1 } }) })).toHaveProperty('queues', [
    { queue: 'b', name: 'b', prefix: 'bull' },
  ]);
});

it('names every queue that is missing', () => {
  const found = resolve([aQueue('a')], { pool: aPool({ queues: ['a', 'b', 'c'] }) });
  expect(found).toMatchObject({ reason: 'QueueNotFound', message: expect.stringMatching(/"b", "c"/) as string });
});

it.each<[string, Queue['spec']]>([
  ['Secret', { redis: { secretRef: { name: 'other' } } }],
  ['use of TLS', { redis: { tls: { enabled: true } } }],
  ['server name', { redis: { tls: { serverName: 'redis.example' } } }],
])('refuses queues that differ in their %s and names them', (_, spec) => {
  const found = resolve([aQueue('a'), aQueue('b', spec), aQueue('c')]);
  expect(found).toMatchObject({
    reason: 'MixedRedis',
    message: expect.stringMatching(/"a", "c" by .*"b" by /) as string,
  });
});

it('takes an absent TLS block for one that is switched off', () => {
  expect(resolve([aQueue('a'), aQueue('b', { redis: { tls: { enabled: false } } })])).toHaveProperty('queues');
});

it('refuses a Secret that it may not read and names the Helm value', () => {
  const found = resolve([aQueue('a', { redis: { secretRef: { name: 'private' } } })]);
  expect(found).toMatchObject({
    reason: 'SecretNotPermitted',
    message: expect.stringMatching(/private.*global\.redis\.secretNames/) as string,
  });
});

it('names a Secret that is missing', () => {
  expect(resolve([aQueue('a')], { secret: 'none' })).toMatchObject({
    reason: 'SecretNotFound',
    message: expect.stringContaining('team-a/redis-credentials') as string,
  });
});

it('gives the pods the Secret that is for workers, where there is one', () => {
  const own = { redis: { secretRef: { name: 'private' }, secretRefs: { worker: { name: 'for-workers' } } } };
  const secret = { ...secretOf({ 'redis-host': 'r' }), metadata: { name: 'for-workers', namespace: 'team-a' } };
  expect(resolve([aQueue('a', own)], { secret })).toMatchObject({ secretName: 'for-workers' });
});

it('refuses a Secret that says nothing', () => {
  expect(resolve([aQueue('a')], { secret: secretOf({ note: 'x' }) })).toMatchObject({
    reason: 'SecretInvalid',
    message: expect.stringMatching(/team-a\/redis-credentials: .*neither redis-url nor redis-host/) as string,
  });
});

const SERVER_KEYS = ['redis-url', 'redis-host', 'redis-port', 'redis-db', 'redis-username', 'redis-password'];

it.each<[string, Record<string, string>, string[]]>([
  ['a server', { 'redis-host': 'r' }, []],
  ['a Redis Cluster', { 'redis-host': 'r', 'redis-cluster': 'true' }, ['redis-cluster']],
  [
    'Sentinels',
    { 'redis-sentinels': 'a:1', 'redis-sentinel-master-name': 'main' },
    ['redis-sentinels', 'redis-sentinel-master-name', 'redis-sentinel-username', 'redis-sentinel-password'],
  ],
])('gives the pods those keys of the Secret that lead to %s, and no others', (_, data, more) => {
  const secret = secretOf(data);
  expect(resolve([aQueue('a', { redis: { prefix: '{bull}' } })], { secret })).toMatchObject({
    keys: [...SERVER_KEYS, ...more],
  });
});

it('refuses a Queue whose keys a Redis Cluster cannot hold together, and says what to name', () => {
  const secret = secretOf({ 'redis-host': 'r', 'redis-cluster': 'true' });
  const named = aQueue('b', { redis: { queueName: '{mail}' } });
  expect(resolve([named], { secret })).toHaveProperty('queues');
  expect(resolve([named, aQueue('a')], { secret })).toMatchObject({
    reason: 'HashTagMissing',
    message: expect.stringMatching(/^Queue a .*spec\.redis\.prefix "\{bull\}".*queueName "\{a\}"/) as string,
  });
});

/** Of one Secret for workers and another for all else, and Ready at that address. */
const split = (name: string, redisAddress: string): Queue => ({
  ...aQueue(name, { redis: { secretRefs: { worker: { name: 'for-workers' } } } }),
  status: {
    conditions: [{ type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: '' }],
    effective: { name, prefix: 'bull', redisAddress },
  },
});

it('refuses a Secret of workers that leads away from where any of the Queues is', () => {
  const secret = {
    ...secretOf({ 'redis-url': 'redis://r/5' }),
    metadata: { name: 'for-workers', namespace: 'team-a' },
  };
  expect(resolve([split('a', 'r:6379 database 5'), split('b', 'r:6379')], { secret })).toMatchObject({
    reason: 'MixedRedis',
    message: expect.stringMatching(/^Queue b is at r:6379, .* leads to r:6379 database 5;/) as string,
  });
  expect(resolve([split('a', 'r:6379 database 5')], { secret })).toHaveProperty('queues');
});

const hashOf = (data: Record<string, string>, uid = 'pool-uid') => {
  const pool = aPool({ queues: ['a'] });
  pool.metadata.uid = uid;
  return (resolve([aQueue('a')], { pool, secret: secretOf(data) }) as PoolQueues).secretHash;
};

it('notices a changed credential, and nothing else of the Secret', () => {
  const before = hashOf({ 'redis-host': 'r', 'redis-password': 'one' });
  expect(hashOf({ 'redis-host': 'r', 'redis-password': 'two' })).not.toBe(before);
  expect(hashOf({ 'redis-host': 'r', 'redis-password': 'one', 'redis-db': '1' })).not.toBe(before);
  expect(hashOf({ 'redis-host': 'r', 'redis-password': 'one', note: 'new' })).toBe(before);
});

it('notices another group of Sentinels, or another password for them', () => {
  const data = { 'redis-sentinels': 'a:1', 'redis-sentinel-master-name': 'main', 'redis-sentinel-password': 'one' };
  const before = hashOf(data);
  expect(hashOf({ ...data, 'redis-sentinel-master-name': 'other' })).not.toBe(before);
  expect(hashOf({ ...data, 'redis-sentinel-password': 'two' })).not.toBe(before);
});

it('has the same hash as before there were Sentinels, so that an upgrade replaces no pod', () => {
  expect(hashOf({ 'redis-host': 'r', 'redis-password': 'one' })).toBe('fd2b90dc');
});

it('shows other pools nothing: equal Secrets hash differently, and the hash is too short to confirm a guess', () => {
  const data = { 'redis-host': 'r', 'redis-password': 'one' };
  expect(hashOf(data, 'uid-1')).not.toBe(hashOf(data, 'uid-2'));
  expect(hashOf(data)).toMatch(/^[0-9a-f]{8}$/);
});

it('gives no pod the queue of the bus, not even as one among others', () => {
  const found = resolve([aQueue('a'), aQueue('scaling-decisions', { redis: { prefix: BUS_PREFIX } })]);
  expect(found).toMatchObject({ reason: 'PrefixReserved' });
  expect(BUS_PREFIX).toBe(RESERVED_PREFIX);
});

/** The Queue at a generation, as a cache shows it. */
function atGeneration(generation: number, spec: Queue['spec'], status?: Queue['status']): QueueObject {
  const queue = aQueue('emails', spec);
  return { ...queue, metadata: { ...queue.metadata, generation }, ...(status && { status }) };
}
const changes = (previous: QueueObject, object: QueueObject): boolean =>
  changesPods({ event: 'update', object, previous });
const separate = { redis: { secretRefs: { worker: { name: 'for-workers' } } } };
const readyAt = (redisAddress: string): NonNullable<Queue['status']> => ({
  observedGeneration: 1,
  conditions: [{ type: 'Ready', status: 'True', reason: 'Governed', message: '', lastTransitionTime: '' }],
  effective: { name: 'emails', prefix: 'bull', redisAddress },
});

it.each<[string, Queue['spec']]>([
  ['its limit', { globalConcurrency: 7 }],
  ['its pause', { paused: true }],
])('a Queue that changes %s is the same to the pods', (_, spec) => {
  expect(changes(atGeneration(1, {}), atGeneration(2, spec))).toBe(false);
});

it('a Queue whose counts move is the same to the pods', () => {
  const counts = { waiting: 3, prioritized: 0, active: 0, delayed: 0, overdue: 0, failed: 0 };
  expect(changes(atGeneration(1, {}), atGeneration(1, {}, { counts }))).toBe(false);
});

it.each<[string, Queue['spec']]>([
  ['its name in Redis', { name: 'mail' }],
  ['its prefix', { redis: { prefix: 'jobs' } }],
  ['its Secret', separate],
  ['the time its jobs may take', { jobTimeout: '10m' }],
])('a Queue that changes %s is another to the pods', (_, spec) => {
  expect(changes(atGeneration(1, {}), atGeneration(2, spec))).toBe(true);
});

/** Whether it counts that the status tells of another Redis. */
const moved = (spec: Queue['spec']): boolean =>
  changes(atGeneration(1, spec, readyAt('a:6379')), atGeneration(1, spec, readyAt('b:6379')));

it('a Queue is another to the pods when its status tells of another Redis, and only where their Secret is their own', () => {
  expect([moved(separate), moved({})]).toEqual([true, false]);
});

it('a Queue that comes or goes counts', () => {
  const object = atGeneration(1, {});
  for (const event of ['add', 'delete'] as const)
    expect(changesPods({ event, object, previous: undefined })).toBe(true);
});
