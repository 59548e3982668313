import { startControlPlane, type ControlPlane } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QueueRedrive } from '../kinds/queue-redrive.ts';
import { Kubectl, redriveDraft } from './test-support.ts';

let controlPlane: ControlPlane;
let kubectl: Kubectl;

beforeAll(async () => {
  controlPlane = await startControlPlane({ crds: true });
  kubectl = new Kubectl(controlPlane, await controlPlane.createNamespace('redrives'));
});
afterAll(() => controlPlane?.stop());

const evening = { failedAfter: '2026-03-01T18:00:00Z', failedBefore: '2026-03-02T00:00:00+01:00' };
const at = (path: string): Record<string, unknown> => ({ filter: { data: { path, equals: 'x' } } });

describe('the API server accepts a QueueRedrive', () => {
  test.each([
    ['of everything', {}],
    ['with every bound at the least', { maxJobsPerSecond: 1, maxJobs: 1, ttlSecondsAfterFinished: 0 }],
    [
      'with every filter',
      { filter: { jobName: 'mail', failedReason: 'ETIMEDOUT', ...evening, data: { path: '$.a', equals: '' } } },
    ],
    ['that only counts, and waits', { dryRun: true, suspend: true }],
    ['by the whole of the data', at('$')],
    ['by a place in the data', at(String.raw`$.tenant.größe['it\'s']["a b"][-1][0].e-mail`)],
    ['by a place that is 16 steps deep', at(`$${'.a'.repeat(16)}`)],
  ])('%s', async (_, spec) => {
    await expect(kubectl.check(redriveDraft(spec))).resolves.toContain('again serverside-applied');
  });
});

describe('the API server refuses a QueueRedrive and says why:', () => {
  test.each([
    ['no Queue', { queueRef: {} }, 'spec.queueRef.name: Required value'],
    ['a rate of 0', { maxJobsPerSecond: 0 }, 'spec.maxJobsPerSecond in body should be greater than or equal to 1'],
    ['no jobs at all', { maxJobs: 0 }, 'spec.maxJobs in body should be greater than or equal to 1'],
    ['an age below 0', { ttlSecondsAfterFinished: -1 }, 'spec.ttlSecondsAfterFinished in body should be greater'],
    ['an empty reason', { filter: { failedReason: '' } }, 'spec.filter.failedReason'],
    ['a long reason', { filter: { failedReason: 'x'.repeat(513) } }, 'spec.filter.failedReason: Too long'],
    ['a time that is none', { filter: { failedAfter: 'yesterday' } }, 'spec.filter.failedAfter'],
    [
      'a time range that ends before it begins',
      { filter: { failedAfter: evening.failedBefore, failedBefore: evening.failedAfter } },
      // 23:00 in UTC is later than 18:00.
      'failedBefore has to be later than failedAfter',
    ],
    ['a number that is not written as text', { filter: { data: { path: '$.n', equals: 42 } } }, 'equals'],
    ...['$..a', '$.*', '$.a[*]', '$.a[0:2]', '$[?(@.b == 1)]', 'a.b', `$${'.a'.repeat(17)}`, "$['a"].map(
      (path): [string, object, string] => [
        `the path ${path}`,
        at(path),
        'must lead to one place: $ and then at most 16',
      ],
    ),
    ['a misspelt field', { filter: { jobname: 'x' } }, 'field not declared in schema'],
  ])('%s', async (_, spec, message) => {
    await expect(kubectl.check(redriveDraft(spec as Record<string, unknown>))).rejects.toThrow(message);
  });
});

describe('what a QueueRedrive is about stays the same for its life:', () => {
  const spec = { filter: { jobName: 'mail' }, maxJobs: 5 };
  beforeAll(() => kubectl.apply(redriveDraft(spec, 'fixed')));

  test.each([
    ['writing down a default', { ...spec, maxJobsPerSecond: 100, dryRun: false }],
    ['suspend', { ...spec, suspend: true }],
    ['how long it stays', { ...spec, ttlSecondsAfterFinished: 60 }],
  ])('%s may change', async (_, changed) => {
    await expect(kubectl.check(redriveDraft(changed, 'fixed'))).resolves.toContain('serverside-applied');
  });

  test.each([
    ['queueRef', { ...spec, queueRef: { name: 'other' } }],
    ['filter', { ...spec, filter: { jobName: 'sms' } }],
    ['filter', { ...spec, filter: { ...spec.filter, failedReason: 'x' } }],
    ['filter', { maxJobs: 5 }],
    ['maxJobs', { ...spec, maxJobs: 6 }],
    ['maxJobs', { filter: spec.filter }],
    ['maxJobsPerSecond', { ...spec, maxJobsPerSecond: 7 }],
    ['dryRun', { ...spec, dryRun: true }],
  ])('%s may not', async (field, changed) => {
    await expect(kubectl.check(redriveDraft(changed, 'fixed'))).rejects.toThrow(
      `spec.${field} is immutable; create another QueueRedrive`,
    );
  });
});

test('kubectl get shows what it is at, and kubectl wait its end', async () => {
  await kubectl.apply(redriveDraft({}, 'shown'));
  const { spec } = await kubectl.get<QueueRedrive>('rqr', 'shown');
  expect(spec).toEqual({ queueRef: { name: 'emails' }, maxJobsPerSecond: 100, dryRun: false, suspend: false });
  expect(await kubectl.table('rqr', 'shown')).toEqual(['NAME QUEUE STATE REDRIVEN MATCHED', 'shown emails Pending']);
  const said = { status: 'True', reason: 'Redriven', message: '3 of 4', lastTransitionTime: '2026-03-01T18:00:00Z' };
  const conditions = ['Ready', 'Complete'].map((type) => ({ type, ...said }));
  await kubectl.writeStatus('queueredrive', 'shown', { conditions, redriven: 3, matched: 4 });
  expect(await kubectl.table('rqr', 'shown')).toEqual([
    'NAME QUEUE STATE REDRIVEN MATCHED',
    'shown emails Redriven 3 4',
  ]);
  await expect(
    kubectl.run('wait', '--for=condition=Complete', 'queueredrive/shown', '--timeout=5s'),
  ).resolves.toContain('condition met');
});
