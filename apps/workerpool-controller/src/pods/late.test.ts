import { describe, expect, it } from 'vitest';
import { latePods } from './late.ts';
import type { Pod } from './pods.ts';

const NOW_MS = Date.parse('2026-01-01T01:00:00Z');
const pod = (change: Partial<Pod>, metadata: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
  phase: 'Running',
  ready: false,
  containers: [],
  ...change,
});
const late = (...pods: Pod[]) => latePods(pods, 600_000, NOW_MS);

describe('late pods', () => {
  it('are those that were created long ago and are not ready, and do not end', () => {
    const ending = { deletionTimestamp: '2026-01-01T00:59:59Z' };
    expect(late(pod({}), pod({ ready: true }), pod({ phase: 'Failed' }), pod({}, ending))).toEqual({ count: 1 });
  });

  it('are not those that were ready a moment ago, or have just been created', () => {
    const restarted = pod({ unreadySince: '2026-01-01T00:59:00Z' });
    const created = pod({}, { creationTimestamp: '2026-01-01T00:58:00Z' });
    expect(late(restarted, created)).toEqual({ count: 0, dueInMs: 480_000 });
  });
});
