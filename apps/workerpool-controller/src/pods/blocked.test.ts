import { describe, expect, it } from 'vitest';
import type { Deployment } from '../kubernetes/objects.ts';
import { blockedPods } from './blocked.ts';
import type { ContainerState, Pod } from './pods.ts';

const pod = (change: Partial<Pod>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  phase: 'Pending',
  ready: false,
  containers: [],
  ...change,
});
const container = (change: Partial<ContainerState>): Pod =>
  pod({ containers: [{ name: 'worker', ready: false, restarts: 0, ...change }] });
const image = (message: string) => container({ waiting: { reason: 'ImagePullBackOff', message } });
const loop = (restarts: number) =>
  container({
    restarts,
    waiting: { reason: 'CrashLoopBackOff' },
    terminated: { reason: 'Error', exitCode: 3 },
  });
const times = (count: number, one: Pod) => Array.from({ length: count }, () => one);

function deployment(asked: number, status: Deployment['status'], refusal?: string): Deployment {
  const failure = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: refusal ?? '' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'mail' },
    spec: { replicas: asked },
    status: { ...status, conditions: refusal === undefined ? [] : [failure] },
  };
}
const QUOTA =
  'pods "mail-7d9-x2x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=3, limited: pods=3';

describe('pods that the API server refuses', () => {
  it.each([
    ['QuotaExceeded', QUOTA, 'exceeded quota: team, requested: pods=1, used: pods=3, limited: pods=3'],
    [
      'QuotaExceeded',
      'pods "a-b" is forbidden: failed quota: team: must specify limits.cpu for: worker',
      'failed quota: team: must specify limits.cpu for: worker',
    ],
    [
      'LimitRangeExceeded',
      'pods "a-b" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Pod is 1Gi, but limit is 2Gi]',
      'maximum cpu usage per Container is 1, but limit is 2',
    ],
    ['PodsRejected', 'pods "a-b" is forbidden: violates PodSecurity "restricted:latest"', 'violates PodSecurity'],
    ['PodsRejected', 'admission webhook "x" denied the request: no quota here', 'denied the request'],
  ])('%s: %s', (reason, refusal, excerpt) => {
    const { counts, problem } = blockedPods([], deployment(5, { replicas: 3, updatedReplicas: 3 }, refusal));
    expect(counts).toEqual({ rejected: 2 });
    expect(problem).toMatchObject({ reason, message: expect.stringContaining(excerpt) as string });
    expect(problem?.message).not.toContain('pods "');
  });

  it('are one at least while a rollout lacks its surplus pod', () => {
    expect(blockedPods([], deployment(3, { replicas: 3, updatedReplicas: 0 }, QUOTA)).counts).toEqual({ rejected: 1 });
  });

  it('are none once all are there, although the condition may stand for a moment', () => {
    expect(blockedPods([], deployment(3, { replicas: 3, updatedReplicas: 3 }, QUOTA))).toEqual({
      counts: undefined,
      problem: undefined,
    });
  });

  it('are none when it is the deletion of pods that fails', () => {
    const failing = deployment(3, { replicas: 2 }, QUOTA);
    failing.status!.conditions![0]!.reason = 'FailedDelete';
    expect(blockedPods([], failing).problem).toBeUndefined();
  });
});

describe('pods that exist', () => {
  it('without a node: how many, in the words that the scheduler uses most', () => {
    const found = [
      pod({ unschedulable: 'one node.' }),
      ...times(2, pod({ unschedulable: '0/5 nodes are available: 5 Insufficient cpu.' })),
    ];
    expect(blockedPods(found, undefined)).toEqual({
      counts: { unschedulable: 3 },
      problem: {
        reason: 'Unschedulable',
        message: '3 pods without a node: 0/5 nodes are available: 5 Insufficient cpu.',
      },
    });
  });

  it('in a crash loop: how many, and of the worst its container, its restarts and how it ended', () => {
    expect(blockedPods([loop(2), loop(7), pod({ ready: true })], undefined)).toEqual({
      counts: { crashLooping: 2 },
      problem: {
        reason: 'CrashLooping',
        message: '2 pods in a crash loop: container worker ended with Error, exit code 3, 7 restarts; see its log.',
      },
    });
  });

  it('with a failing image: how many, and why', () => {
    expect(blockedPods([image('no such tag')], undefined)).toEqual({
      counts: { imageFailing: 1 },
      problem: {
        reason: 'ImageFailing',
        message: '1 pod with ImagePullBackOff in container worker: no such tag.',
      },
    });
  });

  it('nothing is reported of pods that work', () => {
    expect(blockedPods([pod({ ready: true, phase: 'Running' })], deployment(1, { replicas: 1 }))).toEqual({
      counts: undefined,
      problem: undefined,
    });
  });
});

it('of several kinds all are reported, and what a person has to fix gives the reason', () => {
  const found = [pod({ unschedulable: 'full' }), loop(3), image('gone')];
  const { counts, problem } = blockedPods(found, deployment(4, { replicas: 3, updatedReplicas: 3 }, QUOTA));
  expect(counts).toEqual({ rejected: 1, unschedulable: 1, crashLooping: 1, imageFailing: 1 });
  expect(problem?.reason).toBe('QuotaExceeded');
  for (const part of ['exceeded quota', 'ImagePullBackOff', 'crash loop', 'without a node']) {
    expect(problem?.message).toContain(part);
  }
});
