import { startControlPlane, type ControlPlane } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WorkerPool } from '../kinds/workerpool.ts';
import { Kubectl, poolDraft } from './test-support.ts';

let controlPlane: ControlPlane;
let kubectl: Kubectl;

beforeAll(async () => {
  controlPlane = await startControlPlane({ crds: true });
  kubectl = new Kubectl(controlPlane, await controlPlane.createNamespace('pools'));
});
afterAll(() => controlPlane?.stop());

const queues = (count: number) => Array.from({ length: count }, (_, index) => `queue-${index}`);
const autoscaling = (spec: Record<string, unknown> = {}) => ({ autoscaling: { maxReplicas: 50, ...spec } });
const scaleUp = (rules: Record<string, unknown>) => autoscaling({ behavior: { scaleUp: rules } });
const digest = `sha256:${'a'.repeat(64)}`;

describe('the API server accepts a WorkerPool', () => {
  test.each([
    ['with image, version and queues only', {}],
    ['from a registry with a port', { image: 'localhost:5000/team/worker' }],
    ['by digest', { version: digest }],
    ['with the longest tag', { version: 'v'.repeat(128) }],
    ['for 32 queues', { queues: queues(32), concurrency: 32 }],
    ['with weights of its queues', { queues: ['emails', 'sms'], queueWeights: { emails: 100, sms: 1 } }],
    [
      'with weights of 32 queues',
      { queues: queues(32), concurrency: 32, queueWeights: Object.fromEntries(queues(32).map((name) => [name, 2])) },
    ],
    ['with one job per pod', { concurrency: 1 }],
    ['with 1000 jobs per pod', { concurrency: 1000 }],
    ['with no pods', { replicas: 0 }],
    ['with 10000 pods', { replicas: 10_000 }],
    [
      'with quantities as numbers and texts',
      { resources: { requests: { cpu: 1, memory: '128Mi' }, limits: { cpu: '500m' } } },
    ],
    ['sized from 0', autoscaling({ minReplicas: 0 })],
    ['sized within one number', autoscaling({ minReplicas: 50, maxReplicas: 50 })],
    ['whose autoscaling is off and has no maximum', { autoscaling: { enabled: false } }],
    ['with targets at the least', autoscaling({ targetMetrics: { queueDepth: 1, latencyP95: '1ms' } })],
    ['with targets in seconds', autoscaling({ targetMetrics: { queueDepth: 100, latencyP95: '5s' } })],
    ['with targets in minutes', autoscaling({ targetMetrics: { queueDepth: 1_000_000, latencyP95: '5m' } })],
    [
      'with behaviour',
      scaleUp({
        stabilizationWindowSeconds: 3600,
        selectPolicy: 'Max',
        tolerance: 0.1,
        policies: [{ type: 'Pods', value: 4, periodSeconds: 1800 }],
      }),
    ],
    ['whose grace is all of its drain time', { drainPolicy: { gracePeriod: '600s', maxDrainTime: '10m' } }],
    ['with long drains', { drainPolicy: { gracePeriod: '1h', maxDrainTime: '24h' } }],
    ['with the shortest progress deadline', { rollout: { autoRollback: true, progressDeadline: '10s' } }],
    ['with a progress deadline of days', { rollout: { progressDeadline: '72h' } }],
    ['with one surplus pod in a rollout', { rollout: { maxSurge: 1 } }],
    ['with as many surplus pods as the pool has', { rollout: { maxSurge: '100%' } }],
    ['with a hundred surplus pods', { rollout: { maxSurge: 100 } }],
    ['with a quarter of its pods evicted at once', { disruptionBudget: { maxUnavailable: '25%' } }],
    ['with the least share of its pods evicted at once', { disruptionBudget: { maxUnavailable: '1%' } }],
    [
      'with any pod template',
      { template: { metadata: { labels: { team: 'mail' } }, spec: { priorityClassName: 'high', anything: [1] } } },
    ],
  ])('%s', async (_, spec) => {
    await expect(kubectl.check(poolDraft(spec))).resolves.toContain('email-workers serverside-applied');
  });

  test('with a name of 52 characters', async () => {
    await expect(kubectl.check(poolDraft({}, 'p'.repeat(52)))).resolves.toContain('serverside-applied');
  });
});

describe('the API server refuses a WorkerPool and says why:', () => {
  test.each([
    ['no image', { image: undefined }, 'spec.image: Required value'],
    ['no version', { version: undefined }, 'spec.version: Required value'],
    [
      'a tag in its image',
      { image: 'registry.example/worker:1.4' },
      'spec.image: Invalid value: "registry.example/worker:1.4": must not end in a tag; the tag goes to spec.version',
    ],
    ['a digest in its image', { image: `worker@${digest}` }, 'spec.image in body should match'],
    ['a version that is no tag', { version: '-1' }, 'spec.version in body should match'],
    ['no queues', { queues: [] }, 'spec.queues in body should have at least 1 items'],
    ['33 queues', { queues: queues(33), concurrency: 33 }, 'spec.queues: Too many: 33: must have at most 32 items'],
    ['a queue twice', { queues: ['emails', 'emails'] }, '.spec.queues: duplicate entries for key [="emails"]'],
    ['no concurrency', { concurrency: 0 }, 'spec.concurrency in body should be greater than or equal to 1'],
    ['concurrency 1001', { concurrency: 1001 }, 'spec.concurrency in body should be less than or equal to 1000'],
    [
      'fewer jobs a pod than queues',
      { queues: queues(3), concurrency: 2 },
      'spec.concurrency: Invalid value: concurrency must be at least the number of queues, so that every queue gets a job in each pod; raise spec.concurrency or split spec.queues',
    ],
    [
      'a weight of a queue that it does not serve',
      { queueWeights: { emails: 3, sms: 2 } },
      'spec.queueWeights: Invalid value: queueWeights may name queues of spec.queues only; add the queue there, or take out its weight',
    ],
    [
      'a weight of 0',
      { queueWeights: { emails: 0 } },
      'spec.queueWeights.emails in body should be greater than or equal to 1',
    ],
    [
      'a weight of 101',
      { queueWeights: { emails: 101 } },
      'spec.queueWeights.emails in body should be less than or equal to 100',
    ],
    ['fewer than no pods', { replicas: -1 }, 'spec.replicas in body should be greater than or equal to 0'],
    ['10001 pods', { replicas: 10_001 }, 'spec.replicas in body should be less than or equal to 10000'],
    [
      'a quantity that is none',
      { resources: { limits: { memory: '1 GB' } } },
      'spec.resources.limits.memory in body should match',
    ],
    [
      'a quantity of 65 digits',
      { resources: { limits: { memory: '1'.repeat(65) } } },
      'spec.resources.limits.memory: Too long: may not be more than 64 bytes',
    ],
    [
      'amounts of 33 resources',
      { resources: { requests: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`example.com/r${n}`, 1])) } },
      'spec.resources.requests: Too many: 33: must have at most 32 items',
    ],
    [
      'a resource of a name that none has',
      { resources: { requests: { ['r'.repeat(318)]: 1 } } },
      'names of resources must be at most 317 characters long',
    ],
    [
      'autoscaling without a maximum',
      { autoscaling: {} },
      'spec.autoscaling.maxReplicas: Required value: maxReplicas is required while autoscaling is enabled',
    ],
    [
      'a maximum of 0',
      autoscaling({ maxReplicas: 0 }),
      'spec.autoscaling.maxReplicas in body should be greater than or equal to 1',
    ],
    [
      'a minimum above its maximum',
      autoscaling({ minReplicas: 51 }),
      'spec.autoscaling.maxReplicas: Invalid value: maxReplicas must be at least minReplicas',
    ],
    [
      'a depth of 0',
      autoscaling({ targetMetrics: { queueDepth: 0 } }),
      'spec.autoscaling.targetMetrics.queueDepth in body should be greater than or equal to 1',
    ],
    [
      'a wait of 0',
      autoscaling({ targetMetrics: { latencyP95: '0s' } }),
      'spec.autoscaling.targetMetrics.latencyP95: Invalid value: "0s": must be longer than 0',
    ],
    [
      'a wait in hours',
      autoscaling({ targetMetrics: { latencyP95: '1h' } }),
      'spec.autoscaling.targetMetrics.latencyP95 in body should match',
    ],
    [
      'a wait in fractions',
      autoscaling({ targetMetrics: { latencyP95: '1.5s' } }),
      'spec.autoscaling.targetMetrics.latencyP95 in body should match',
    ],
    [
      'a window above an hour',
      scaleUp({ stabilizationWindowSeconds: 3601 }),
      'stabilizationWindowSeconds in body should be less than or equal to 3600',
    ],
    [
      'a policy by an unknown unit',
      scaleUp({ policies: [{ type: 'Jobs', value: 1, periodSeconds: 1 }] }),
      'Unsupported value: "Jobs": supported values: "Pods", "Percent"',
    ],
    [
      'a grace longer than its drain time',
      { drainPolicy: { gracePeriod: '11m', maxDrainTime: '10m' } },
      'spec.drainPolicy.gracePeriod: Invalid value: gracePeriod (11m) must not be longer than maxDrainTime (10m)',
    ],
    [
      'a drain time below the default grace',
      { drainPolicy: { maxDrainTime: '20s' } },
      'gracePeriod (30s) must not be longer than maxDrainTime (20s)',
    ],
    [
      'a drain time in days',
      { drainPolicy: { maxDrainTime: '1d' } },
      'spec.drainPolicy.maxDrainTime in body should match',
    ],
    [
      'a progress deadline below 10 s',
      { rollout: { progressDeadline: '9s' } },
      'spec.rollout.progressDeadline: Invalid value: "9s": must be at least 10s, because pods need time to start',
    ],
    [
      'a progress deadline in days',
      { rollout: { progressDeadline: '1d' } },
      'spec.rollout.progressDeadline in body should match',
    ],
    ['a disruption budget that says nothing', { disruptionBudget: {} }, 'maxUnavailable: Required value'],
    ['a misspelt field', { autoScaling: {} }, 'field not declared in schema'],
  ])('%s', async (_, spec, message) => {
    await expect(kubectl.check(poolDraft(spec))).rejects.toThrow(message);
  });

  const countOrPercent = 'must be a number of at least 1, or a percentage from 1% to 100%';
  test.each([0, -1, '0', '0%', '101%', '1000%', '25', 'abc', '2.5%', '%', '', ' 25%'])(
    'surplus pods, or evictions at once: %j',
    async (value) => {
      for (const spec of [{ rollout: { maxSurge: value } }, { disruptionBudget: { maxUnavailable: value } }]) {
        await expect(kubectl.check(poolDraft(spec))).rejects.toThrow(countOrPercent);
      }
    },
  );

  test('a name of 53 characters', async () => {
    await expect(kubectl.check(poolDraft({}, 'p'.repeat(53)))).rejects.toThrow(
      'metadata.name must have at most 52 characters',
    );
  });
});

describe('spec.replicas while the autoscaler sizes the pool', () => {
  const refusal = 'spec.replicas must not change while spec.autoscaling.enabled is true';

  test('is refused by kubectl scale, with the way out', async () => {
    await kubectl.apply(poolDraft(autoscaling(), 'on'));
    await expect(kubectl.run('scale', 'workerpool/on', '--replicas=7')).rejects.toThrow(
      `${refusal}, because the autoscaler sizes the pool; change spec.autoscaling.minReplicas or maxReplicas, or disable autoscaling first`,
    );
  });

  test('is refused in the spec as well', async () => {
    await kubectl.apply(poolDraft({ ...autoscaling(), replicas: 3 }, 'kept'));
    await expect(kubectl.check(poolDraft({ ...autoscaling(), replicas: 4 }, 'kept'))).rejects.toThrow(refusal);
  });

  test('is no hindrance to applying the same manifest again, or to changing anything else', async () => {
    const before = poolDraft({ ...autoscaling(), replicas: 3 }, 'same');
    const after = poolDraft({ ...autoscaling({ maxReplicas: 60 }), replicas: 3, version: '2' }, 'same');
    await kubectl.apply(before);
    await expect(kubectl.apply(before)).resolves.toContain('serverside-applied');
    await expect(kubectl.apply(after)).resolves.toContain('serverside-applied');
  });

  test('may change in the write that switches autoscaling on, and in the one that switches it off', async () => {
    await kubectl.apply(poolDraft({ replicas: 2 }, 'switched'));
    await kubectl.apply(poolDraft({ ...autoscaling(), replicas: 4 }, 'switched'));
    await kubectl.apply(poolDraft({ ...autoscaling({ enabled: false }), replicas: 6 }, 'switched'));
    await kubectl.apply(poolDraft({ ...autoscaling(), replicas: 8 }, 'switched'));
    await kubectl.apply(poolDraft({ replicas: 9 }, 'switched'));
    expect((await kubectl.get<WorkerPool>('wp', 'switched')).spec.replicas).toBe(9);
  });

  test('follows kubectl scale again once autoscaling is off', async () => {
    await kubectl.apply(poolDraft(autoscaling({ enabled: false }), 'off'));
    await kubectl.run('scale', 'wp/off', '--replicas=7');
    expect((await kubectl.get<WorkerPool>('wp', 'off')).spec.replicas).toBe(7);
  });
});

describe('a new WorkerPool', () => {
  test('gets its defaults, and says Unknown of itself before any controller wrote to it', async () => {
    await kubectl.apply(poolDraft({ ...autoscaling(), drainPolicy: {} }, 'new'));
    const { spec, status } = await kubectl.get<WorkerPool>('wp', 'new');
    expect(spec).toMatchObject({
      concurrency: 10,
      replicas: 1,
      autoscaling: { enabled: true, minReplicas: 0 },
      drainPolicy: { gracePeriod: '30s', maxDrainTime: '10m' },
    });
    expect(status?.conditions).toEqual(
      ['Ready', 'Available', 'Degraded'].map(
        (type) => expect.objectContaining({ type, status: 'Unknown', reason: 'Pending' }) as object,
      ),
    );
  });

  test('can be read through its scale subresource, and by selector once the status has one', async () => {
    await kubectl.apply(poolDraft({ replicas: 3 }, 'scaled'));
    const status = { replicas: 2, selector: 'redis-queue.io/pool=scaled' };
    await kubectl.writeStatus('wp', 'scaled', status);
    const scale = JSON.parse(
      await kubectl.run('get', 'wp', 'scaled', '--subresource=scale', '--output=json'),
    ) as object;
    expect(scale).toMatchObject({ spec: { replicas: 3 }, status });
  });
});

test('kubectl get shows how large the pool is, how large it may be, which version runs, and why', async () => {
  await kubectl.apply(poolDraft(autoscaling(), 'shown'));
  await kubectl.writeStatus('wp', 'shown', {
    desiredReplicas: 4,
    readyReplicas: 3,
    currentVersion: '1.4.1',
    rollout: { version: '1.4.2', phase: 'Progressing', updatedReplicas: 1, readyReplicas: 3, replicas: 4 },
    blockedReplicas: { crashLooping: 1 },
    autoscaling: { reason: 'backlog', heldBy: 'Panic' },
  });

  expect(await kubectl.table('wp', 'shown')).toEqual([
    'NAME READY AVAILABLE DESIRED READY-PODS MIN MAX HELD-BY VERSION ROLLOUT',
    'shown Unknown Unknown 4 3 0 50 Panic 1.4.2 Progressing',
  ]);
  expect(await kubectl.table('wp', 'shown', '--output=wide')).toEqual([
    'NAME READY AVAILABLE DESIRED READY-PODS MIN MAX HELD-BY VERSION ROLLOUT RUNNING DEGRADED REASON SCALING',
    'shown Unknown Unknown 4 3 0 50 Panic 1.4.2 Progressing 1.4.1 Unknown Pending backlog',
  ]);
});
