import { describe, expect, it } from 'vitest';
import type { WorkerPool, WorkerPoolSpec, WorkerPoolStatus } from '@redis-queue/api';
import { VERSION_ANNOTATION } from '../kubernetes/names.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import { aPool } from '../testing/objects.ts';
import {
  effectiveVersion,
  isRollingOut,
  rolledBackOf,
  ROLLED_BACK_ANNOTATION,
  rolloutFailed,
  STARTED_ANNOTATION,
  TEMPLATE_ANNOTATION,
} from './rollout.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const STARTED = '2026-01-01T00:00:00Z';
const scene = { nowMs: NOW, inTheWay: () => '1 pod with ImagePullBackOff.' };
/** Inputs other than the version; a hash is of both. */
const hashWith = (inputs: string) => (version: string) => `${version}/${inputs}`;
const hashOf = hashWith('a');

const EXCEEDED = {
  type: 'Progressing',
  status: 'False',
  reason: 'ProgressDeadlineExceeded',
  lastUpdateTime: '2026-01-01T00:05:00Z',
};
const COMPLETE = { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' };
const MOVING = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated' };

interface Live {
  version?: string;
  template?: string;
  annotations?: Record<string, string>;
  replicas?: number;
  status?: Deployment['status'];
}
function live({ version = '2', template = hashOf(version), annotations, replicas = 3, status }: Live = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'mail',
      generation: 1,
      annotations: {
        [VERSION_ANNOTATION]: version,
        [TEMPLATE_ANNOTATION]: template,
        [STARTED_ANNOTATION]: STARTED,
        ...annotations,
      },
    },
    spec: { replicas },
    status: { observedGeneration: 1, replicas, updatedReplicas: 1, readyReplicas: 2, ...status },
  };
}
const late = (change: Live = {}) => live({ ...change, status: { conditions: [EXCEEDED], ...change.status } });
const pool = (spec: Partial<WorkerPoolSpec> = {}, status: WorkerPoolStatus = {}): WorkerPool =>
  aPool(
    { version: '2', rollout: { autoRollback: true, progressDeadline: '15s' }, ...spec },
    { currentVersion: '1', lastGoodVersion: '1', ...status },
  );
/** The Deployment after `effective` was applied: as it is read after a crash. */
const applied = (effective: ReturnType<typeof effectiveVersion>, status: Deployment['status'] = {}) => {
  const { version, annotations } = effective;
  const { [TEMPLATE_ANNOTATION]: template = '', ...others } = annotations;
  return live({ version, template, annotations: others, status });
};

describe('the version that pods should run', () => {
  it('is that of the spec, and the template is remembered with the time it came', () => {
    for (const deployment of [undefined, live({ version: '1' })]) {
      expect(effectiveVersion(pool(), deployment, hashOf, scene)).toEqual({
        version: '2',
        annotations: { [TEMPLATE_ANNOTATION]: '2/a', [STARTED_ANNOTATION]: '2026-01-01T00:10:00Z' },
      });
    }
  });

  it('a template that is there keeps its time', () => {
    const { annotations } = effectiveVersion(pool(), live(), hashOf, scene);
    expect(annotations[STARTED_ANNOTATION]).toBe(STARTED);
  });

  it('goes back to the last good one when its pods did not get ready in time, and remembers why', () => {
    const effective = effectiveVersion(pool(), late(), hashOf, scene);
    expect(effective).toMatchObject({
      version: '1',
      annotations: { [TEMPLATE_ANNOTATION]: '1/a', [ROLLED_BACK_ANNOTATION]: '2/a' },
    });
    expect(rolledBackOf(applied(effective))).toEqual({
      version: '2',
      message: 'Pods of version 2 did not get ready within 15s. 1 pod with ImagePullBackOff.',
    });
  });

  it('stays rolled back, whatever the Deployment says of the version that runs instead', () => {
    const first = effectiveVersion(pool(), late(), hashOf, scene);
    for (const conditions of [[EXCEEDED], [MOVING], [COMPLETE]]) {
      const later = { nowMs: NOW + 3_600_000, inTheWay: () => '' };
      expect(effectiveVersion(pool(), applied(first, { conditions }), hashOf, later)).toEqual(first);
    }
  });

  it.each<[string, Partial<WorkerPoolSpec>, (version: string) => string, string]>([
    ['another version', { version: '3' }, hashOf, '3'],
    ['another template, Secret or configuration', {}, hashWith('b'), '2'],
    ['the good version', { version: '1' }, hashOf, '1'],
    ['automatic rollback switched off', { rollout: { autoRollback: false } }, hashOf, '2'],
  ])('is tried again with %s', (_, spec, hash, version) => {
    const back = applied(effectiveVersion(pool(), late(), hashOf, scene));
    const effective = effectiveVersion(pool(spec), back, hash, scene);
    expect(effective.version).toBe(version);
    expect(Object.keys(effective.annotations).toSorted()).toEqual([STARTED_ANNOTATION, TEMPLATE_ANNOTATION]);
  });

  it.each<[string, WorkerPool, Deployment]>([
    ['without autoRollback', pool({ rollout: {} }), late()],
    ['when no version was ever good', pool({}, { lastGoodVersion: undefined }), late()],
    [
      'when the version is the last good one, and only its template changed',
      pool({}, { lastGoodVersion: '2' }),
      late(),
    ],
    ['when what failed is not what would run now', pool(), late({ template: '2/old' })],
    ['while there is time', pool(), live({ status: { conditions: [MOVING] } })],
    ['when no pods are asked for', pool(), late({ replicas: 0 })],
  ])('is not rolled back %s', (_, before, deployment) => {
    const effective = effectiveVersion(before, deployment, hashOf, scene);
    expect([effective.version, rolledBackOf(applied(effective))]).toEqual(['2', undefined]);
  });
});

describe('a rollout has failed', () => {
  it('not by a deadline that was exceeded by the template before', () => {
    const stale = { ...EXCEEDED, lastUpdateTime: '2025-12-31T23:59:59Z' };
    expect(rolloutFailed(pool(), live({ status: { conditions: [stale] } }), NOW)).toBe(false);
  });

  it('on a Deployment of an earlier release as soon as its status is about its spec', () => {
    const unknownStart = { [STARTED_ANNOTATION]: '' };
    expect(rolloutFailed(pool(), late({ annotations: unknownStart }), NOW)).toBe(true);
    expect(rolloutFailed(pool(), late({ annotations: unknownStart, status: { observedGeneration: 0 } }), NOW)).toBe(
      false,
    );
  });

  describe('of a version that came in while the pool had no pods: the Deployment calls it complete', () => {
    const asleep = live({ status: { readyReplicas: 0, updatedReplicas: 3, conditions: [COMPLETE] } });
    const waking = (startedAt: string, more: WorkerPoolStatus = {}) =>
      pool(
        {},
        {
          rollout: { version: '2', phase: 'Progressing', updatedReplicas: 3, readyReplicas: 0, replicas: 3, startedAt },
          ...more,
        },
      );
    it.each<[string, WorkerPool, Deployment, boolean]>([
      ['when it has had its time', waking('2026-01-01T00:09:40Z'), asleep, true],
      ['not before', waking('2026-01-01T00:09:50Z'), asleep, false],
      ['not when nobody has noted when it began', pool(), asleep, false],
      ['not for want of nodes', waking(STARTED, { blockedReplicas: { unschedulable: 1 } }), asleep, false],
      ['not for want of quota', waking(STARTED, { blockedReplicas: { rejected: 2 } }), asleep, false],
      ['not when it was good before', waking(STARTED, { lastGoodVersion: '2' }), asleep, false],
      [
        'not once a pod works',
        waking(STARTED),
        live({ status: { readyReplicas: 1, updatedReplicas: 3, conditions: [COMPLETE] } }),
        false,
      ],
    ])('%s', (_, before, deployment, expected) => {
      expect(rolloutFailed(before, deployment, NOW)).toBe(expected);
    });
  });
});

const status = (change: Deployment['status']): Deployment => live({ status: { updatedReplicas: 3, ...change } });

describe('a rollout is under way', () => {
  it.each<[string, WorkerPool, Deployment, boolean]>([
    ['while the Deployment says so', pool(), status({ conditions: [MOVING] }), true],
    ['while old pods are left', pool(), status({ replicas: 4, conditions: [COMPLETE] }), true],
    [
      'not when a pool of a version that works only grows',
      pool({}, { lastGoodVersion: '2' }),
      status({ readyReplicas: 0, conditions: [COMPLETE] }),
      false,
    ],
    ['when no pod of the version has ever worked', pool(), status({ readyReplicas: 0, conditions: [COMPLETE] }), true],
    [
      'when the Deployment has not seen the new version',
      pool(),
      status({ observedGeneration: 0, conditions: [COMPLETE] }),
      true,
    ],
    [
      'not when it has not seen a new size',
      pool({}, { currentVersion: '2', lastGoodVersion: '2' }),
      status({ observedGeneration: 0, conditions: [COMPLETE] }),
      false,
    ],
  ])('%s', (_, before, deployment, expected) => {
    expect(isRollingOut(before, deployment)).toBe(expected);
  });
});
