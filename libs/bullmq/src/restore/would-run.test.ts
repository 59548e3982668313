import { expect, test } from 'vitest';
import { WouldRun } from './would-run.ts';

test('a dry run tells what would run again, per queue', () => {
  const nowMs = 1_000_000;
  const run = new WouldRun(nowMs);
  const queue = { kind: 'queue', prefix: 'bull', snapshotAt: 0, consistent: true } as const;
  run.add([{ ...queue, name: 'a', meta: {} }]);
  run.add([
    { kind: 'job', id: '1', hash: {} },
    { kind: 'index', state: 'waiting', entries: [['1'], ['2']] },
    { kind: 'index', state: 'active', entries: [['3']] },
    { kind: 'index', state: 'prioritized', entries: [['4', 1]] },
    {
      kind: 'index',
      state: 'delayed',
      entries: [
        ['5', nowMs * 4_096],
        ['6', String((nowMs + 1) * 4_096)],
      ],
    },
    { kind: 'index', state: 'completed', entries: [['7', 1]] },
    { kind: 'scheduler', id: 's', nextMs: 1, hash: {} },
  ]);
  run.add([{ ...queue, name: 'b', meta: { paused: '1' } }]);
  const none = { waiting: 0, prioritized: 0, active: 0, delayedDue: 0, delayedLater: 0, schedulers: 0 };
  expect(run.summary()).toEqual([
    {
      queue: 'bull:a',
      waiting: 2,
      prioritized: 1,
      active: 1,
      delayedDue: 1,
      delayedLater: 1,
      schedulers: 1,
      paused: false,
    },
    { queue: 'bull:b', ...none, paused: true },
  ]);
});
