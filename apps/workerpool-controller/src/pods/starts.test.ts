import { describe, expect, it } from 'vitest';
import type { Resource } from '@redis-queue/controller';
import { startedIn, trimPod, type Pod } from './pods.ts';

const CREATED_MS = Date.parse('2026-01-01T00:00:00Z');
const at = (seconds: number): string => new Date(CREATED_MS + seconds * 1_000).toISOString();

/** A pod with these conditions, each with its status and how many seconds after the pod's creation it took it. */
function pod(conditions: Record<string, [status: string, seconds: number]>, restarts = 0): Pod {
  const list = Object.entries(conditions).map(([type, [status, seconds]]) => ({
    type,
    status,
    lastTransitionTime: at(seconds),
  }));
  return trimPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', creationTimestamp: at(0) },
    status: { conditions: list, containerStatuses: [{ name: 'worker', restartCount: restarts }] },
  } as unknown as Resource);
}
const started = (previous: Pod | undefined, object: Pod) => startedIn({ event: 'update', object, previous });

const created = pod({});
const starting = pod({ PodScheduled: ['True', 0], Ready: ['False', 1] });
const ready = pod({ PodScheduled: ['True', 0], Ready: ['True', 8] });

describe('the start of a pod', () => {
  it('took from its creation until it was ready', () => {
    expect(started(starting, ready)).toBe(8_000);
    expect(started(created, ready)).toBe(8_000);
  });

  it('is measured once, and only of a pod that was seen before it was ready', () => {
    expect(started(undefined, ready)).toBeUndefined();
    expect(started(ready, ready)).toBeUndefined();
    expect(started(starting, starting)).toBeUndefined();
  });

  it('is not that of a pod that waited for a node', () => {
    const waiting = pod({ PodScheduled: ['False', 0] });
    const scheduled = pod({ PodScheduled: ['True', 90], Ready: ['False', 91] });
    const late = pod({ PodScheduled: ['True', 90], Ready: ['True', 99] });
    expect([started(waiting, late), started(scheduled, late)]).toEqual([undefined, undefined]);
  });

  it('is not over again when a pod that was ready becomes ready once more', () => {
    const unready = pod({ PodScheduled: ['True', 0], Ready: ['False', 3_000] });
    const again = pod({ PodScheduled: ['True', 0], Ready: ['True', 3_600] });
    expect(started(unready, again)).toBeUndefined();
  });

  it('is not that of a pod whose container failed on the way', () => {
    expect(started(starting, pod({ PodScheduled: ['True', 0], Ready: ['True', 40] }, 1))).toBeUndefined();
  });

  it('is not known where nobody says when it was scheduled', () => {
    expect(started(created, pod({ Ready: ['True', 8] }))).toBeUndefined();
  });
});
