import { eventually, startControlPlane, type ControlPlane } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Queue } from '../kinds/queue.ts';
import { Kubectl, queueDraft } from './test-support.ts';

let controlPlane: ControlPlane;
let kubectl: Kubectl;

beforeAll(async () => {
  controlPlane = await startControlPlane({ crds: true });
  kubectl = new Kubectl(controlPlane, await controlPlane.createNamespace('queues'));
});
afterAll(() => controlPlane?.stop());

const tenPriorities = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

describe('the API server accepts a Queue', () => {
  test.each([
    ['that manages nothing', {}],
    ['with the shortest name', { name: 'a' }],
    ['with digits and dashes in its name', { name: '0-a-9' }],
    ['with the longest name', { name: 'a'.repeat(200) }],
    ['with every priority', { priorities: tenPriorities }],
    ['with priorities that jobs are given', { priorities: [1, 5], priorityPolicy: 'Clamp' }],
    ['with the least limits', { rateLimits: { maxJobsPerSecond: 1, burstCapacity: 1 } }],
    ['with the largest limits', { rateLimits: { maxJobsPerSecond: 1_000_000, burstCapacity: 1_000_000 } }],
    ['with a burst below its rate', { rateLimits: { maxJobsPerSecond: 100, burstCapacity: 10 } }],
    ['with dead letters at the least', { dlqPolicy: { enabled: false, maxRetries: 0, retentionDays: 1 } }],
    ['with dead letters switched off', { dlqPolicy: { enabled: false, maxRetries: 3 } }],
    ['with dead letters at the most', { dlqPolicy: { enabled: true, maxRetries: 1000, retentionDays: 3650 } }],
    ['with retention in hours and days', { retention: { completedJobs: '24h', failedJobs: '7d' } }],
    ['with retention in minutes, and none', { retention: { completedJobs: '30m', failedJobs: '0h' } }],
    ['with retention by bytes and events', { retention: { maxBytes: '2Gi', maxEvents: 1_000_000 } }],
    ['in a prefix with a hash tag', { redis: { prefix: '{shop}.bull_1' } }],
    ['in a prefix of two parts', { redis: { prefix: 'app:bull' } }],
    ['over TLS', { redis: { secretRef: { name: 'redis-shop' }, tls: { enabled: true, serverName: 'redis.shop' } } }],
    ['with a client certificate', { redis: { tls: { enabled: true, secretRef: { name: 'redis-tls-certs' } } } }],
    ['with a name for the certificate of a rediss:// URL', { redis: { tls: { serverName: 'redis.shop' } } }],
    ['with concurrency 1', { globalConcurrency: 1 }],
    ['whose jobs may take ten minutes', { jobTimeout: '10m' }],
    ['that is paused', { paused: true }],
    ['that is retired', { retire: true, schedulers: [] }],
    [
      'with job schedulers',
      {
        schedulers: [
          { name: 'Nightly_1.a-b', cron: '0 2 ? JAN-MAR MON#1,5L', timeZone: 'America/Argentina/Buenos_Aires' },
          { name: 'often', cron: '*/5 * * * * *', template: { name: 'a b', data: { any: [{ thing: null }] } } },
          { name: 'every', every: '99999d', template: { opts: { backoff: { type: 'fixed', jitter: 0.5 } } } },
        ],
      },
    ],
    [
      'with 32 job schedulers',
      { schedulers: Array.from({ length: 32 }, (_, at) => ({ name: `s${at}`, every: '1s' })) },
    ],
    ['that may be deleted with its data', { deletionPolicy: 'DeleteIfEmpty', adoptionPolicy: 'Observe' }],
  ])('%s', async (_, spec) => {
    await expect(kubectl.check(queueDraft(spec))).resolves.toContain('emails serverside-applied');
  });

  test.each(['sendEmail', 'send.email_2', '{shop}mails', 'größe'])('whose name in Redis is %s', async (queueName) => {
    const draft = queueDraft({ redis: { queueName } }, 'shop.emails');
    await expect(kubectl.check(draft)).resolves.toContain('serverside-applied');
  });

  test('whose own name is no Redis name, once spec.name gives one', async () => {
    await expect(kubectl.check(queueDraft({ name: 'emails' }, 'shop.emails'))).resolves.toContain('serverside-applied');
  });
});

describe('the API server refuses a Queue and says why:', () => {
  test.each([
    ['an empty name', { name: '' }, 'spec.name'],
    ['a scheduler without times', { schedulers: [{ name: 'a' }] }, 'either cron or every; set one of them'],
    [
      'a scheduler with both',
      { schedulers: [{ name: 'a', cron: '0 2 * * *', every: '1h' }] },
      'either cron or every; set one of them',
    ],
    [
      'a time zone without cron',
      { schedulers: [{ name: 'a', every: '1h', timeZone: 'UTC' }] },
      'timeZone is for cron; remove it, or set cron instead of every',
    ],
    [
      'a scheduler twice',
      { schedulers: ['1h', '2h'].map((every) => ({ name: 'a', every })) },
      '.spec.schedulers: duplicate entries for key [name="a"]',
    ],
    ['a scheduler with a colon', { schedulers: [{ name: 'a:b', every: '1h' }] }, 'spec.schedulers[0].name in body'],
    ['a macro for cron', { schedulers: [{ name: 'a', cron: '@daily' }] }, 'spec.schedulers[0].cron in body'],
    ['no time at all', { schedulers: [{ name: 'a', every: '0s' }] }, 'spec.schedulers[0].every in body'],
    [
      '33 schedulers',
      { schedulers: Array.from({ length: 33 }, (_, at) => ({ name: `s${at}`, every: '1s' })) },
      'spec.schedulers: Too many: 33: must have at most 32 items',
    ],
    [
      'a deduplication, which ends a scheduler',
      { schedulers: [{ name: 'a', every: '1h', template: { opts: { deduplication: { id: 'x' } } } }] },
      'field not declared in schema',
    ],
    [
      'a name in capitals',
      { name: 'Emails' },
      'spec.name: Invalid value: "Emails": spec.name in body should match \'^[a-z0-9-]+$\'',
    ],
    ['a name with a colon, which BullMQ uses in keys', { name: 'a:b' }, 'spec.name'],
    ['a name in Redis with a colon', { redis: { queueName: 'a:b' } }, 'spec.redis.queueName'],
    ['a name in Redis with a space', { redis: { queueName: 'a b' } }, 'spec.redis.queueName'],
    [
      'two names',
      { name: 'a', redis: { queueName: 'A' } },
      'spec.name and spec.redis.queueName both name the queue in Redis; remove one of them',
    ],
    ['a prefix that ends with a colon', { redis: { prefix: 'app:' } }, 'spec.redis.prefix in body should match'],
    ['a name of 201 characters', { name: 'a'.repeat(201) }, 'spec.name: Too long: may not be more than 200 bytes'],
    [
      'no priority',
      { priorities: [] },
      'spec.priorities: Invalid value: 0: spec.priorities in body should have at least 1 items',
    ],
    [
      'a policy for priorities that it does not declare',
      { priorityPolicy: 'Clamp' },
      'spec.priorityPolicy: Invalid value: spec.priorityPolicy says what happens to jobs outside spec.priorities; declare these, or remove it',
    ],
    ['no time for its jobs', { jobTimeout: '0s' }, 'spec.jobTimeout in body should match'],
    ['days for its jobs', { jobTimeout: '1d' }, 'spec.jobTimeout in body should match'],
    ['priority 0', { priorities: [0] }, 'spec.priorities[0] in body should be greater than or equal to 1'],
    ['priority 11', { priorities: [11] }, 'spec.priorities[0] in body should be less than or equal to 10'],
    ['a priority twice', { priorities: [1, 1] }, '.spec.priorities: duplicate entries for key [=1]'],
    [
      'a rate of 0',
      { rateLimits: { maxJobsPerSecond: 0 } },
      'spec.rateLimits.maxJobsPerSecond in body should be greater than or equal to 1',
    ],
    ['half a job per second', { rateLimits: { maxJobsPerSecond: 0.5 } }, 'spec.rateLimits.maxJobsPerSecond'],
    [
      'a burst of 0',
      { rateLimits: { maxJobsPerSecond: 1, burstCapacity: 0 } },
      'spec.rateLimits.burstCapacity in body should be greater than or equal to 1',
    ],
    [
      'a burst without a rate',
      { rateLimits: { burstCapacity: 5 } },
      'spec.rateLimits.maxJobsPerSecond: Required value',
    ],
    [
      'retries without a word on whether there are dead letters',
      { dlqPolicy: { maxRetries: 3 } },
      'spec.dlqPolicy.enabled: Invalid value: spec.dlqPolicy does nothing without enabled; set enabled: true, or false to switch it off and keep its fields',
    ],
    [
      'days for dead letters without a word on whether there are any',
      { dlqPolicy: { retentionDays: 7 } },
      'spec.dlqPolicy does nothing without enabled',
    ],
    [
      'fewer than no retries',
      { dlqPolicy: { enabled: true, maxRetries: -1 } },
      'spec.dlqPolicy.maxRetries in body should be greater than or equal to 0',
    ],
    [
      'dead letters kept for zero days',
      { dlqPolicy: { enabled: true, retentionDays: 0 } },
      'spec.dlqPolicy.retentionDays in body should be greater than or equal to 1',
    ],
    [
      'retention in seconds',
      { retention: { completedJobs: '30s' } },
      "spec.retention.completedJobs in body should match '^[0-9]+[hdm]$'",
    ],
    ['no bytes at all', { retention: { maxBytes: '0' } }, 'spec.retention.maxBytes in body should match'],
    ['a part of a byte', { retention: { maxBytes: '100m' } }, 'spec.retention.maxBytes in body should match'],
    [
      'no events at all',
      { retention: { maxEvents: 0 } },
      'spec.retention.maxEvents in body should be greater than or equal to 1',
    ],
    ['retention as a number', { retention: { failedJobs: 7 } }, 'spec.retention.failedJobs'],
    ['the prefix of the bus', { redis: { prefix: 'redis-queue' } }, 'redis-queue is the prefix of the bus'],
    ['that of the bus in a Cluster', { redis: { prefix: '{redis-queue}:x' } }, 'redis-queue is the prefix of the bus'],
    ['the prefix of drills', { redis: { prefix: 'rq-scratch-1' } }, 'is for scratch restores; use another'],
    ['the prefix of drills below its own', { redis: { prefix: 'bull:rq-scratch-1' } }, 'is for scratch restores'],
    ['a name of drills', { name: 'rq-scratch-1' }, 'are for scratch restores'],
    ['such a name in Redis', { redis: { queueName: 'rq-scratch-1' } }, 'are for scratch restores'],
    [
      'a name of a certificate that no host has',
      { redis: { tls: { enabled: true, serverName: '$(REDIS_PASSWORD)' } } },
      'spec.redis.tls.serverName in body should match',
    ],
    [
      'the name of a certificate without TLS',
      { redis: { tls: { enabled: false, serverName: 'redis.shop' } } },
      'serverName is only for TLS, which enabled: false turns off; set enabled: true, or remove serverName',
    ],
    ['concurrency 0', { globalConcurrency: 0 }, 'spec.globalConcurrency in body should be greater than or equal to 1'],
    [
      'an unknown policy',
      { deletionPolicy: 'Keep' },
      'spec.deletionPolicy: Unsupported value: "Keep": supported values: "Retain", "Delete", "DeleteIfEmpty"',
    ],
    ['a misspelt field', { ratelimits: {} }, 'field not declared in schema'],
  ])('%s', async (_, spec, message) => {
    await expect(kubectl.check(queueDraft(spec))).rejects.toThrow(message);
  });

  test('a name of its own that Redis names do not allow', async () => {
    await expect(kubectl.check(queueDraft({}, 'shop.emails'))).rejects.toThrow(
      "metadata.name is the queue's name in Redis while spec.name is absent, so it must match ^[a-z0-9-]+$",
    );
  });

  test('no spec at all', async () => {
    const { spec: _, ...bare } = queueDraft();
    await expect(kubectl.check(bare as never)).rejects.toThrow('spec: Required value');
  });
});

describe('what a Queue governs stays the same for its life:', () => {
  beforeAll(async () => {
    await kubectl.apply(queueDraft({}, 'bare'));
    await kubectl.apply(queueDraft({ name: 'mail', redis: { prefix: 'shop' } }, 'named'));
    await kubectl.apply(queueDraft({ redis: { queueName: 'Mail' } }, 'capital'));
  });

  test.each([
    ['writing down the name that it had anyway', 'bare', { name: 'bare' }],
    ['writing down the prefix that it had anyway', 'bare', { redis: { prefix: 'bull' } }],
    ['another Secret', 'named', { name: 'mail', redis: { prefix: 'shop', secretRef: { name: 'redis-new' } } }],
  ])('%s is accepted', async (_, name, spec) => {
    await expect(kubectl.check(queueDraft(spec, name))).resolves.toContain('serverside-applied');
  });

  test.each([
    [
      'a name for one that had none',
      'bare',
      { name: 'mail' },
      'this Queue governs "bare" in Redis; create another Queue',
    ],
    [
      'another name',
      'named',
      { name: 'post', redis: { prefix: 'shop' } },
      'this Queue governs "mail" in Redis; create another Queue',
    ],
    [
      'its name taken away',
      'named',
      { redis: { prefix: 'shop' } },
      'spec.name: Invalid value: the name in Redis is immutable',
    ],
    [
      'another name in Redis',
      'named',
      { redis: { queueName: 'Mail', prefix: 'shop' } },
      'spec.redis.queueName: Invalid value: the name in Redis is immutable',
    ],
    [
      'a changed name in Redis',
      'capital',
      { redis: { queueName: 'Post' } },
      'spec.redis.queueName: Invalid value: the name in Redis is immutable: this Queue governs "Mail" in Redis',
    ],
    [
      'a name in Redis taken away',
      'capital',
      { paused: true },
      'spec.redis.queueName: Invalid value: the name in Redis is immutable: this Queue governs "Mail" in Redis',
    ],
    ['another prefix', 'named', { name: 'mail', redis: { prefix: 'other' } }, 'spec.redis.prefix is immutable'],
    ['its prefix taken away', 'named', { name: 'mail' }, 'spec.redis.prefix is immutable'],
  ])('%s is refused', async (_, name, spec, message) => {
    await expect(kubectl.check(queueDraft(spec, name))).rejects.toThrow(message);
  });
});

describe('a new Queue', () => {
  test('says Unknown of itself before any controller wrote to it', async () => {
    await kubectl.apply(queueDraft({}, 'new'));
    const { status } = await kubectl.get<Queue>('rq', 'new');
    expect(status?.conditions).toEqual(
      ['Ready', 'Available', 'Degraded'].map(
        (type) => expect.objectContaining({ type, status: 'Unknown', reason: 'Pending' }) as object,
      ),
    );
  });

  test('keeps absent what was not written, so that nothing is managed by surprise', async () => {
    await kubectl.apply(queueDraft({ dlqPolicy: {}, retention: {}, redis: {} }, 'absent'));
    const { spec } = await kubectl.get<Queue>('rq', 'absent');
    expect(spec).toEqual({ dlqPolicy: {}, retention: {}, redis: {} });
  });
});

test('kubectl get shows what an operator of queues needs', async () => {
  await kubectl.apply(queueDraft({}, 'shown'));
  const counts = { depth: 12, waiting: 9, prioritized: 3, active: 3, delayed: 0, overdue: 0, failed: 4, dead: 2 };
  const status = { counts, waitP95: '1.2s', effective: { name: 'shown', prefix: 'bull', paused: true } };
  await kubectl.writeStatus('queue', 'shown', status);

  expect(await kubectl.table('rq', 'shown')).toEqual([
    'NAME READY AVAILABLE WAITING ACTIVE DELAYED FAILED DEAD WAIT-P95 PAUSED',
    'shown Unknown Unknown 12 3 0 4 2 1.2s true',
  ]);
  expect(await kubectl.table('rq', 'shown', '--output=wide')).toEqual([
    'NAME READY AVAILABLE WAITING ACTIVE DELAYED FAILED DEAD WAIT-P95 PAUSED REDIS-NAME DEGRADED REASON',
    'shown Unknown Unknown 12 3 0 4 2 1.2s true shown Unknown Pending',
  ]);
});

test('both kinds are found by their category', async () => {
  await expect(kubectl.run('get', 'redis-queue', '--output=name')).resolves.toContain('queue.redis-queue.io/');
});

test.each([
  ['the prefix of the bus', { prefix: 'redis-queue' }, 'prefix of the bus'],
  [
    'a Secret of certificates without TLS',
    { tls: { enabled: false, secretRef: { name: 'certs' } } },
    'secretRef is only for TLS',
  ],
  ['a name for a certificate without TLS', { tls: { enabled: false, serverName: 'r' } }, 'serverName is only for TLS'],
])('a Queue that had %s before it was refused is changed and deleted like any other', async (_, redis, rule) => {
  const definition = JSON.parse(
    await controlPlane.kubectl('get', 'crd', 'queues.redis-queue.io', '-o', 'json'),
  ) as object;
  const former = JSON.parse(JSON.stringify(definition), (key, value: unknown) =>
    key === 'x-kubernetes-validations' && JSON.stringify(value).includes(rule) ? undefined : value,
  ) as { metadata: object };
  const replace = (crd: { metadata: object }): Promise<string> =>
    controlPlane.apply({
      ...crd,
      metadata: { name: 'queues.redis-queue.io', annotations: { at: String(Date.now()) } },
    });
  const draft = queueDraft({ redis }, 'former');
  await replace(former);
  await eventually(() => kubectl.check(draft).then(Boolean, () => false), { timeoutMs: 30_000 });
  await kubectl.apply(draft);
  await replace(definition as typeof former);
  const refused = (): Promise<boolean> =>
    kubectl.check({ ...draft, metadata: { name: 'other' } }).then(
      () => false,
      () => true,
    );
  await eventually(refused, { timeoutMs: 30_000 });

  await kubectl.apply(queueDraft({ redis, paused: true }, 'former'));
  const patch = (finalizers: string[] | null): Promise<string> =>
    kubectl.run('patch', 'queue', 'former', '--type=merge', '--patch', JSON.stringify({ metadata: { finalizers } }));
  await patch(['redis-queue.io/queue-data']);
  await kubectl.run('delete', 'queue', 'former', '--wait=false');
  await patch(null);
  await expect(kubectl.run('get', 'queue', 'former')).rejects.toThrow('not found');
});
