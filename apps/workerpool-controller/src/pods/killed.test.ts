import { describe, expect, it } from 'vitest';
import { aPool } from '../testing/objects.ts';
import { isNewKill, killedPods } from './killed.ts';
import type { ContainerState, Pod } from './pods.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const minutesAgo = (minutes: number): string => new Date(NOW - minutes * 60_000).toISOString().replace('.000', '');
const killed = (agoMinutes: number, restarts = 1, name = 'worker'): ContainerState => ({
  name,
  ready: true,
  restarts,
  terminated: { reason: 'OOMKilled', exitCode: 137, at: minutesAgo(agoMinutes) },
});
const pod = (name: string, containers: ContainerState[], ageMinutes = 600): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, creationTimestamp: minutesAgo(ageMinutes) },
  phase: 'Running',
  ready: true,
  containers,
});
const limited = (memory?: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'mail' },
  spec: {
    template: {
      spec: { containers: [{ name: 'worker', resources: { limits: { ...(memory !== undefined && { memory }) } } }] },
    },
  },
});
const found = (pods: Pod[], memory: string | undefined = '256Mi', concurrency = 10) =>
  killedPods(aPool({ concurrency }), pods, limited(memory), NOW);

describe('pods that were out of memory', () => {
  it('are named with their limit, how often, and a way out', () => {
    const { problem, dueInMs } = found([
      pod('mail-a', [killed(30, 4)], 50),
      pod('mail-b', [killed(10, 7)]),
      pod('mail-c', []),
    ]);
    expect(problem).toEqual({
      reason: 'OOMKilled',
      message:
        "Pod mail-b was killed: container worker OOMKilled (limit 256Mi), last at 2026-01-01T11:50:00Z; the pool's pods at least 5 times in the hour before. 2 pods were killed in that hour. Raise spec.resources.limits.memory, or lower spec.concurrency (10 jobs share that memory). Its jobs run again, those that were killed twice alone; one that is killed four times fails.",
    });
    expect(dueInMs).toBe(30 * 60_000);
  });

  it('are reported for an hour', () => {
    expect(found([pod('mail-a', [killed(60)])])).toEqual({ problem: undefined });
    expect(found([pod('mail-a', [killed(59)])])).toMatchObject({ dueInMs: 60_000 });
  });

  it('are none when containers ended otherwise', () => {
    const crashed = { name: 'worker', ready: true, restarts: 3, terminated: { reason: 'Error', exitCode: 3 } };
    expect(found([pod('mail-a', [crashed])]).problem).toBeUndefined();
  });

  it.each([
    [
      'without a limit',
      killed(1),
      undefined,
      10,
      /limit of the node.* Set spec\.resources\.requests\.memory, or lower/,
    ],
    ['of one job at a time', killed(1), '1Gi', 1, /Raise spec\.resources\.limits\.memory\. Its jobs/],
    ['of a sidecar', killed(1, 1, 'proxy'), '1Gi', 10, /Raise the memory limit of container proxy in spec\.template\./],
  ])('%s have another way out', (_, container, memory, concurrency, expected) => {
    const pods = [pod('mail-a', [container])];
    const { problem } = killedPods(aPool({ concurrency }), pods, limited(memory), NOW);
    expect(problem!.message).toMatch(expected);
  });

  it('are news when there is a later kill, not when one is forgotten', () => {
    const [first, second] = [pod('mail-a', [killed(50)]), pod('mail-b', [killed(10)])];
    const both = found([first, second]).problem!.message;
    const one = found([second]).problem!.message;
    expect([isNewKill(undefined, one), isNewKill(both, one), isNewKill(found([first]).problem!.message, both)]).toEqual(
      [true, false, true],
    );
  });
});
