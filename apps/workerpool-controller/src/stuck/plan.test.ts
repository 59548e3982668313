import { describe, expect, it } from 'vitest';
import { trimPod, type Pod } from '../pods/pods.ts';
import { aPool, autoscaled } from '../testing/objects.ts';
import { planReplacement } from './plan.ts';
import { findSilence, NO_SILENCE, type Silence } from './silence.ts';

const NOW_MS = Date.parse('2026-05-06T12:00:00Z');
const minutesAgo = (minutes: number): string => new Date(NOW_MS - minutes * 60_000).toISOString();

/** A ready pod, an hour old. */
function aPod(name: string, address: string | undefined, { ready = true, minutes = 60, going = false } = {}): Pod {
  return trimPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: `uid-${name}`,
      creationTimestamp: minutesAgo(minutes),
      ...(going && { deletionTimestamp: minutesAgo(0) }),
    },
    status: { phase: 'Running', podIP: address, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  } as never);
}

/** As the cache has it: the transform leaves the uid to it. */
const withUid = (pod: Pod): Pod => ({ ...pod, metadata: { ...pod.metadata, uid: `uid-${pod.metadata.name}` } });
const pods = [aPod('a', '10.0.0.1'), aPod('b', '10.0.0.2'), aPod('c', '10.0.0.3')].map(withUid);
const names = (list: readonly Pod[]): string[] => list.map(({ metadata }) => metadata.name);
const heard = (a?: number, b?: number, c?: number): { idleSeconds: Record<string, number> } => ({
  idleSeconds: Object.fromEntries(
    [a, b, c].flatMap((seconds, n) => (seconds === undefined ? [] : [[`10.0.0.${n + 1}`, seconds]])),
  ),
});

describe('who is silent', () => {
  it('is who has not sent anything for five minutes; who did within one speaks', () => {
    const { silent, speaking, unknown } = findSilence(pods, heard(4, 299, 300), NO_SILENCE, NOW_MS);
    expect([names(silent), names(speaking), unknown]).toEqual([['c'], ['a'], undefined]);
    expect(names(findSilence(pods, heard(4, 900, 300), NO_SILENCE, NOW_MS).silent)).toEqual(['b', 'c']);
  });

  it('is who has had no connection in decisions of five minutes, and none in between', () => {
    const first = findSilence(pods, heard(4, 4), NO_SILENCE, NOW_MS);
    expect(names(first.silent)).toEqual([]);
    const back = findSilence(pods, heard(4, 4, 4), first, NOW_MS + 60_000);
    const again = findSilence(pods, heard(4, 4), back, NOW_MS + 120_000);
    expect(names(findSilence(pods, heard(4, 4), again, NOW_MS + 300_000).silent)).toEqual([]);
    expect(names(findSilence(pods, heard(4, 4), again, NOW_MS + 420_000).silent)).toEqual(['c']);
  });

  it('is nobody that is not ready, goes, or has no address', () => {
    const others = [
      aPod('starting', '10.0.0.3', { ready: false }),
      aPod('going', '10.0.0.3', { going: true }),
      aPod('unplaced', undefined),
    ];
    expect(names(findSilence([pods[0]!, ...others], heard(4, 4, 900), NO_SILENCE, NOW_MS).silent)).toEqual([]);
  });

  it('is not known behind a proxy, or when the autoscaler cannot see it', () => {
    const first = findSilence(pods, heard(), NO_SILENCE, NOW_MS);
    expect(first.unknown).toBeUndefined();
    expect(findSilence(pods, heard(), first, NOW_MS + 300_000).unknown).toMatch(/proxy/);
    expect(findSilence(pods, { unknown: 'no right' }, first, NOW_MS)).toEqual({ ...NO_SILENCE, unknown: 'no right' });
    expect(findSilence(pods, undefined, first, NOW_MS)).toEqual(NO_SILENCE);
    // Where addresses are translated between nodes, those beside the Redis are seen, and few others.
    const few = findSilence(pods, heard(4), NO_SILENCE, NOW_MS);
    expect(findSilence(pods, heard(4), few, NOW_MS + 300_000).unknown).toMatch(/most pods .* translates addresses/);
  });
});

/** A pool that wants stuck pods replaced. */
const pool = (replacement?: { pod: string; time: string }) =>
  aPool({ ...autoscaled(1, 9), replaceStuck: true }, replacement && { replacement });

describe('which pod is replaced', () => {
  const found = (of: readonly Pod[], idle: ReturnType<typeof heard>): Silence =>
    findSilence(of, idle, NO_SILENCE, NOW_MS);
  const oneStuck = found(pods, heard(4, 4, 400));

  it('is the longest silent, named in the status before it goes', () => {
    const silence = found(pods, heard(4, 900, 400));
    expect(planReplacement(pool(), pods, silence, NOW_MS)).toMatchObject({
      kind: 'announce',
      pod: { metadata: { name: 'b' } },
    });
    const announced = pool({ pod: 'c', time: minutesAgo(0) });
    expect(planReplacement(announced, pods, silence, NOW_MS)).toMatchObject({
      kind: 'replace',
      pod: { metadata: { name: 'c' } },
    });
  });

  it('is none where nobody asks for it, all speak, or the autoscaler is off', () => {
    const nothing = { kind: 'nothing' };
    expect(planReplacement(aPool(autoscaled(1, 9)), pods, oneStuck, NOW_MS)).toEqual(nothing);
    expect(planReplacement(aPool({ replaceStuck: true }), pods, oneStuck, NOW_MS)).toEqual(nothing);
    expect(planReplacement(pool(), pods, found(pods, heard(4, 4, 4)), NOW_MS)).toEqual(nothing);
  });

  it.each<[string, Silence, readonly Pod[], RegExp]>([
    ['while no other pod speaks', found(pods, heard(400, 400, 400)), pods, /: a, b, c\. None is replaced/],
    [
      'while another starts',
      oneStuck,
      [...pods, aPod('d', undefined, { ready: false })],
      /: c\. .* once all pods are ready/,
    ],
    ['while another goes', oneStuck, [...pods, aPod('d', '10.0.0.4', { going: true })], /once all pods are ready/],
  ])('waits %s', (_, silence, all, message) => {
    expect(planReplacement(pool(), all, silence, NOW_MS)).toEqual({
      kind: 'wait',
      problem: { reason: 'PodsStuck', message: expect.stringMatching(message) as string },
    });
  });

  it('waits for five minutes after the one before, and for ever once that was in vain', () => {
    const [a, , c] = pods as [Pod, Pod, Pod];
    const recent = planReplacement(pool({ pod: 'old', time: minutesAgo(4) }), pods, oneStuck, NOW_MS);
    expect(recent).toMatchObject({ kind: 'wait', problem: { reason: 'PodsStuck' } });
    const successor = withUid(aPod('c2', '10.0.0.3', { minutes: 29 }));
    const after = pool({ pod: 'c', time: minutesAgo(30) });
    const inVain = planReplacement(after, [a, successor], found([a, successor], heard(4, 4, 400)), NOW_MS);
    expect(inVain).toMatchObject({
      kind: 'wait',
      problem: {
        reason: 'ReplacedInVain',
        message: expect.stringContaining('Ready pods do not speak to Redis: c2. c was') as string,
      },
    });
    // By a clock that was minutes ahead of that of the API server, whose times pods have.
    const ahead = pool({ pod: 'c', time: minutesAgo(26) });
    expect(planReplacement(ahead, [a, successor], found([a, successor], heard(4, 4, 400)), NOW_MS)).toMatchObject({
      kind: 'wait',
      problem: { reason: 'ReplacedInVain' },
    });
    // Another pod that has started since speaks: replacing helps.
    const helped = withUid(aPod('b2', '10.0.0.2', { minutes: 20 }));
    const all = [a, helped, successor];
    expect(planReplacement(after, all, found(all, heard(4, 4, 400)), NOW_MS)).toMatchObject({ kind: 'announce' });
    // One that was there before says nothing about it.
    const older = [a, c];
    expect(
      planReplacement(pool({ pod: 'b', time: minutesAgo(30) }), older, found(older, heard(4, 4, 400)), NOW_MS),
    ).toMatchObject({ kind: 'announce', pod: { metadata: { name: 'c' } } });
  });

  it('is none while it is not known who speaks', () => {
    const unknown = findSilence(pods, { unknown: 'no right' }, NO_SILENCE, NOW_MS);
    expect(planReplacement(pool(), pods, unknown, NOW_MS)).toMatchObject({
      kind: 'wait',
      problem: { reason: 'ClientsUnknown' },
    });
  });
});
