import { describe, expect, it } from 'vitest';
import type { Resource } from '@redis-queue/controller';
import { blockageOf, changesReport, trimPod, type Pod } from './pods.ts';

type Status = Record<string, unknown>;
function pod(status: Status, metadata: Partial<Resource['metadata']> = {}): Pod {
  return trimPod({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', ...metadata }, status } as Resource);
}
const conditionOf = (status: string) => [{ type: 'Ready', status, lastTransitionTime: '2026-01-01T00:00:00Z' }];
const worker = (change: Status): Status => ({
  phase: 'Running',
  containerStatuses: [{ name: 'worker', ready: false, restartCount: 0, ...change }],
});
const waiting = (reason: string, message?: string) => worker({ state: { waiting: { reason, message } } });
const crashed = { terminated: { reason: 'OOMKilled', exitCode: 137, finishedAt: '2026-01-01T00:00:00Z' } };

describe('what is cached of a pod', () => {
  it('is what names it, its address and state, and what its containers have to report', () => {
    const trimmed = pod(
      {
        phase: 'Running',
        podIP: '10.0.0.1',
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'PodScheduled', status: 'True' },
        ],
        initContainerStatuses: [{ name: 'init', ready: true, restartCount: 0, state: {} }],
        containerStatuses: [
          { name: 'worker', ready: true, restartCount: 3, lastState: crashed, state: { running: {} } },
        ],
      },
      {
        labels: { 'redis-queue.io/pool': 'mail', 'pod-template-hash': 'abc', other: 'x' },
        annotations: { 'controller.kubernetes.io/pod-deletion-cost': '2', big: 'x'.repeat(1000) },
        ownerReferences: [],
      },
    );
    expect(trimmed).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'p',
        labels: { 'redis-queue.io/pool': 'mail', 'pod-template-hash': 'abc' },
        annotations: { 'controller.kubernetes.io/pod-deletion-cost': '2' },
      },
      phase: 'Running',
      ready: true,
      address: '10.0.0.1',
      containers: [
        {
          name: 'worker',
          ready: true,
          restarts: 3,
          terminated: { reason: 'OOMKilled', exitCode: 137, at: '2026-01-01T00:00:00Z' },
        },
      ],
    });
  });

  it('is since when it is not ready', () => {
    expect(pod({ conditions: conditionOf('False') }).unreadySince).toBe('2026-01-01T00:00:00Z');
    expect(pod({ conditions: conditionOf('True') }).unreadySince).toBeUndefined();
  });

  it.each(['Unschedulable', 'Fine'])('stays below 1.5 KiB as JSON, however much is said of it: %s', (reason) => {
    const name = 'a'.repeat(63);
    const container = { name, ready: false, restartCount: 99, lastState: crashed };
    const image = {
      ...container,
      state: { waiting: { reason: 'CreateContainerConfigError', message: 'm'.repeat(5000) } },
    };
    const trimmed = pod(
      {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason, message: 'n'.repeat(5000) }],
        initContainerStatuses: [container, container],
        containerStatuses: [image, image, image, container],
      },
      {
        name,
        labels: { 'redis-queue.io/pool': 'p'.repeat(52), 'pod-template-hash': '5d8f9c7b6d' },
        annotations: { 'controller.kubernetes.io/pod-deletion-cost': '2147483647' },
        creationTimestamp: '2026-01-01T00:00:00Z',
        deletionTimestamp: '2026-01-01T00:00:00Z',
      },
    );
    const names = { namespace: 'n'.repeat(63), uid: 'u'.repeat(36), resourceVersion: '1234567890' };
    expect(JSON.stringify({ ...trimmed, metadata: { ...trimmed.metadata, ...names } }).length).toBeLessThan(1536);
  });
});

const unscheduled = (reason: string) => ({
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason, message: '0/3 nodes are available' }],
});

describe('what stands between a pod and its work', () => {
  it.each<[string, Status, ReturnType<typeof blockageOf>]>([
    ['nothing, when it runs', worker({ ready: true, state: { running: {} } }), undefined],
    ['nothing, while it starts', waiting('ContainerCreating'), undefined],
    ['nothing, when it has not been scheduled yet', { phase: 'Pending' }, undefined],
    ['nothing, when somebody gated its scheduling', unscheduled('SchedulingGated'), undefined],
    ['no node', unscheduled('Unschedulable'), { kind: 'unschedulable', message: '0/3 nodes are available' }],
    [
      'its image',
      waiting('ImagePullBackOff', 'Back-off pulling image "x:9"'),
      {
        kind: 'imageFailing',
        container: 'worker',
        reason: 'ImagePullBackOff',
        message: 'Back-off pulling image "x:9"',
      },
    ],
    [
      'a Secret that it names',
      waiting('CreateContainerConfigError', 'secret "s" not found'),
      {
        kind: 'imageFailing',
        container: 'worker',
        reason: 'CreateContainerConfigError',
        message: 'secret "s" not found',
      },
    ],
    [
      'a crash loop',
      worker({ restartCount: 4, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: crashed }),
      { kind: 'crashLooping', container: 'worker', restarts: 4, ended: { reason: 'OOMKilled', exitCode: 137 } },
    ],
    [
      'a crash loop, also while it runs in between',
      worker({ restartCount: 2, state: { running: {} }, lastState: crashed }),
      { kind: 'crashLooping', container: 'worker', restarts: 2, ended: { reason: 'OOMKilled', exitCode: 137 } },
    ],
    ['nothing, after a first restart', worker({ restartCount: 1, state: { running: {} } }), undefined],
    ['nothing, when it has ended for good', { ...waiting('ImagePullBackOff'), phase: 'Failed' }, undefined],
  ])('%s', (_, status, expected) => {
    expect(blockageOf(pod(status))).toEqual(expected);
  });

  it('an init container that loops is one that keeps the pod from working', () => {
    const status = { initContainerStatuses: [{ name: 'init', state: { waiting: { reason: 'CrashLoopBackOff' } } }] };
    expect(blockageOf(pod(status))).toMatchObject({ kind: 'crashLooping', container: 'init' });
  });

  it('a sidecar that restarted long ago does not, in a pod that is ready', () => {
    const status = {
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'sidecar', ready: false, restartCount: 5, state: { running: {} } }],
    };
    expect(blockageOf(pod(status))).toBeUndefined();
  });

  it('a pod on its way out is in nobody’s way', () => {
    expect(blockageOf(pod(waiting('ImagePullBackOff'), { deletionTimestamp: '2026-01-01T00:00:00Z' }))).toBeUndefined();
  });
});

describe('a change of a pod', () => {
  const fine = pod(worker({ ready: true }));
  const failing = pod(waiting('ErrImagePull', 'no such tag'));
  const killed = pod(worker({ ready: true, restartCount: 1, lastState: crashed }));
  it.each<[string, Parameters<typeof changesReport>[0], boolean]>([
    ['from nothing to starting', { event: 'add', object: fine, previous: undefined }, false],
    ['from nothing to failing', { event: 'add', object: failing, previous: undefined }, true],
    ['from starting to ready', { event: 'update', object: fine, previous: pod(worker({})) }, false],
    ['from fine to failing', { event: 'update', object: failing, previous: fine }, true],
    ['of what cannot be pulled', { event: 'update', object: pod(waiting('ErrImagePull')), previous: failing }, true],
    ['of nothing that is reported', { event: 'update', object: failing, previous: failing }, false],
    ['from fine to killed and fine again', { event: 'update', object: killed, previous: fine }, true],
    ['to gone, while failing', { event: 'delete', object: failing, previous: undefined }, true],
    ['to gone', { event: 'delete', object: fine, previous: undefined }, false],
  ])('%s', (_, change, expected) => {
    expect(changesReport(change)).toBe(expected);
  });
});
