import { describe, expect, it } from 'vitest';
import type { ApiWrite } from '@redis-queue/rig';
import { isFenced, judgeTakeover } from './judge.ts';

const at = (atMs: number) => ({ atMs, what: 'apply deployments' });

describe('a former leader', () => {
  it('that began nothing after its deadline overlaps with nobody', () => {
    const verdict = judgeTakeover({ deadlineMs: 10_000, takenMs: 15_000, begun: [at(1), at(9_900)] });
    expect(verdict).toEqual({ late: [], lastMs: -100, overlapMs: 0 });
  });

  it('that wrote beside its successor is found out', () => {
    const verdict = judgeTakeover({ deadlineMs: 10_000, takenMs: 15_000, begun: [at(9_000), at(16_000)] });
    expect(verdict).toEqual({ late: [at(16_000)], lastMs: 6_000, overlapMs: 1_000 });
  });

  it('that wrote after its deadline and before another led is found out too', () => {
    expect(judgeTakeover({ deadlineMs: 10_000, takenMs: 15_000, begun: [at(11_000)] })).toMatchObject({
      late: [at(11_000)],
      overlapMs: 0,
    });
  });
});

const write = (change: Partial<ApiWrite>): ApiWrite => ({
  atMs: 0,
  verb: 'apply',
  resource: 'deployments',
  group: 'apps',
  namespace: 'a',
  name: 'b',
  fieldManager: 'redis-queue',
  body: {},
  code: 200,
  ...change,
});

it.each<[string, Partial<ApiWrite>, boolean]>([
  ['an apply on a version', { body: { metadata: { resourceVersion: '7' } } }, true],
  ['an apply on whatever is there', {}, false],
  ['an apply that sizes a Deployment', { fieldManager: 'redis-queue-scale' }, false],
  ['a creation', { verb: 'create', resource: 'poddisruptionbudgets' }, true],
  [
    'the creation of a Deployment by an apply',
    { body: { metadata: { annotations: { 'redis-queue.io/decision': 'none' } } } },
    true,
  ],
  [
    'the same of another manager, which may be forced',
    { fieldManager: 'x', body: { metadata: { annotations: { 'redis-queue.io/decision': 'none' } } } },
    false,
  ],
  ['a patch of whatever is there', { verb: 'patch', resource: 'pods' }, false],
])('%s is fenced: %j %s', (_, change, expected) => {
  expect(isFenced(write(change))).toBe(expected);
});
