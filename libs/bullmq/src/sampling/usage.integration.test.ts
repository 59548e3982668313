import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ACL_RULES } from '../connections/acl.ts';
import { RedisConnections } from '../connections/connections.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { MOST_USAGE_REPORTS, sampleUsage, type PodUsageReport, type UsagePlace } from './usage.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());
beforeEach(() => t.redis.flushall());

const place = (pool: string, prefix = 'bull'): UsagePlace => ({
  queue: { prefix, name: 'emails' },
  namespace: 'shop',
  pool,
});
const keyOf = ({ queue, namespace, pool }: UsagePlace): string =>
  `${queue.prefix}:${queue.name}:rq:usage:${namespace}/${pool}`;

/** As libs/worker writes it. */
const REPORT = {
  format: 1,
  version: '1.4.2',
  periodMs: 30_012,
  slots: 10,
  busy: 7.5,
  cpu: 0.31,
  memory: 143_654_912,
  memoryLimit: 536_870_912,
  eventLoop: 0.27,
  throttled: 0,
  jobs: 120,
  runMs: 1_853.2,
  lagP99Ms: 12,
  stuck: 1,
  contract: 2,
};
const NOW = Date.now();
const value = (over: object = {}, atMs: number | string = NOW): string =>
  `${atMs} ${JSON.stringify({ ...REPORT, ...over })}`;

test('the newest report of each pod is read, by pool, in the order asked for', async () => {
  const [mail, none, tagged] = [place('mail'), place('none'), place('mail', '{shard}')];
  await t.redis.hset(keyOf(mail), {
    'pod-0': value(),
    'pod-1': value({ jobs: 0, runMs: undefined, throttled: undefined, lagP99Ms: 'late', stuck: 0 }),
  });
  await t.redis.hset(keyOf(tagged), { 'pod-2': value({ later: 'a field of a later release' }) });
  const [first, second, third] = await sampleUsage(t.redis, [mail, none, tagged]);
  const { format: _, memoryLimit: __, ...reported } = REPORT;
  expect(first!.toSorted((a, b) => a.pod.localeCompare(b.pod))).toEqual([
    { pod: 'pod-0', redisTimeMs: NOW, ...reported },
    {
      pod: 'pod-1',
      redisTimeMs: NOW,
      ...reported,
      jobs: 0,
      runMs: undefined,
      throttled: undefined,
      lagP99Ms: undefined,
      stuck: undefined,
    },
  ]);
  expect(second).toEqual([]);
  expect(third).toMatchObject([{ pod: 'pod-2', busy: 7.5 }]);
});

test('what is no report is left out, and does not hide those that are', async () => {
  const odd = [
    '',
    'x',
    'null',
    '5 null',
    '5 7',
    '5 {',
    value({ format: 2 }),
    value({ busy: -1 }),
    value({ cpu: 'much' }),
    value({ version: undefined }),
  ];
  await t.redis.hset(keyOf(place('mail')), {
    good: value(),
    ...Object.fromEntries(odd.map((each, n) => [`odd-${n}`, each])),
  });
  const [reports] = await sampleUsage(t.redis, [place('mail')]);
  expect(reports!.map(({ pod }) => pod)).toEqual(['good']);
});

/** What else is read than the one good report beside it. */
async function reportsOf(fields: Record<string, string>): Promise<PodUsageReport[]> {
  await t.redis.hset(keyOf(place('mail')), { good: value(), ...fields });
  const [reports] = await sampleUsage(t.redis, [place('mail')]);
  return reports!.filter(({ pod }) => pod !== 'good');
}

describe('whoever may write to the queue writes reports', () => {
  test.each([
    ['beyond all dates', '9000000000000000'],
    ['of the future', NOW + 60_000],
    ['of a pod that is long gone', NOW - 301_000],
    ['in another notation', '0x19a00000000'],
    ['with an exponent', '1.79e12'],
    ['before all dates', -1],
  ])('one with a date %s is none', async (_, atMs) => {
    expect(await reportsOf({ evil: value({}, atMs) })).toEqual([]);
  });

  test('one of a while ago is one, and so is one of a server whose clock was a little ahead', async () => {
    const reports = await reportsOf({ late: value({}, NOW - 200_000), early: value({}, NOW + 5_000) });
    expect(reports.map(({ pod }) => pod).toSorted()).toEqual(['early', 'late']);
  });

  test.each([
    ['periodMs', 1e308],
    ['slots', 1e308],
    ['slots', 0.4],
    ['slots', 0],
    ['busy', 1e308],
    ['cpu', 1e308],
    ['memory', 1e308],
    ['jobs', 1e308],
    ['jobs', 0.5],
    ['version', 'x'.repeat(300)],
  ])('one whose %s no pod can have is none: %j', async (field, impossible) => {
    expect(await reportsOf({ evil: value({ [field]: impossible }) })).toEqual([]);
  });

  test.each([
    ['runMs', 1e308],
    ['lagP99Ms', 1e308],
    ['stuck', 0.4],
    ['stuck', 1e6],
    ['contract', 1e6],
    ['contract', 1.5],
  ] as const)('a %s that no pod can have is left out: %j', async (field, impossible) => {
    const [report] = await reportsOf({ evil: value({ [field]: impossible }) });
    expect(report).toMatchObject({ pod: 'evil', busy: 7.5 });
    expect(report).not.toHaveProperty(field);
  });

  test('no share is more than all', async () => {
    const [report] = await reportsOf({ evil: value({ eventLoop: 1e308, throttled: 3 }) });
    expect(report).toMatchObject({ eventLoop: 1, throttled: 1 });
  });

  test.each(['', 'a pod', 'pod\n-1', 'Pod', '-pod', 'pod…', '__proto__'])('%j is no name of a pod', async (pod) => {
    expect(await reportsOf({ [pod]: value() })).toEqual([]);
  });
});

test('a key that is none of ours hides no other pool', async () => {
  await t.redis.set(keyOf(place('odd')), 'text');
  await t.redis.hset(keyOf(place('mail')), { 'pod-0': value() });
  expect(await sampleUsage(t.redis, [place('odd'), place('mail')])).toMatchObject([[], [{ pod: 'pod-0' }]]);
});

test('of a large pool a random part is read, of many pools all, in one round trip per fifty', async () => {
  const pods = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`pod-${n}`, value()]));
  await t.redis.hset(keyOf(place('large')), pods);
  const [first] = await sampleUsage(t.redis, [place('large')]);
  const [second] = await sampleUsage(t.redis, [place('large')]);
  expect(first).toHaveLength(MOST_USAGE_REPORTS);
  expect(new Set([...first!, ...second!].map(({ pod }) => pod)).size).toBeGreaterThan(MOST_USAGE_REPORTS);
  const all = await sampleUsage(
    t.redis,
    Array.from({ length: 120 }, (_, n) => place(`p-${n}`)),
  );
  expect(all).toHaveLength(120);
});

test('a user who may only read, with the ACL of the docs, may read it', async () => {
  await t.redis.hset(keyOf(place('mail')), { 'pod-0': value() });
  await t.redis.call('ACL', 'SETUSER', 'usage', 'reset', 'on', '>pw', ...ACL_RULES.reader.split(' '));
  const connections = new RedisConnections({ clientName: 'usage' });
  const reader = connections.get({ ...t.target, username: 'usage', password: 'pw' });
  expect(await sampleUsage(reader, [place('mail')])).toMatchObject([[{ pod: 'pod-0' }]]);
  connections.close();
});
