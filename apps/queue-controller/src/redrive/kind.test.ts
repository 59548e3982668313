import { StatusPace, systemClock } from '@redis-queue/controller';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { redriveKind } from './kind.ts';
import type { RedriveLine } from './line.ts';
import { RedriveMetrics } from './metrics.ts';
import { Positions } from './positions.ts';
import type { RedriveObject } from './redrives.ts';
import type { RedriveSources } from './sources.ts';
import type { Problem, RedriveProgress } from './steps.ts';
import { NOW, redriveObject } from './testing.fixture.ts';

const kind = redriveKind({
  sources: {} as RedriveSources,
  line: {} as RedriveLine,
  positions: new Positions(),
  metrics: new RedriveMetrics(new Registry()),
  pace: new StatusPace({ clock: systemClock, onTurn: () => {} }),
  elapsedMs: () => 0,
  random: () => 0.5,
});
const DAY_MS = 24 * 3_600_000;

function waitMs(
  redrive: RedriveObject,
  problem?: Problem,
  progress?: RedriveProgress,
  status = redrive.status ?? {},
): number | undefined {
  const outcome = { observed: { ...(progress && { progress }) }, plan: { steps: [] }, done: [], problem };
  const context = { nowMs: NOW.getTime(), event: () => undefined };
  return kind.requeueMs?.(redrive, outcome, status, context);
}
const because = (reason: Problem['reason']): Problem => ({ reason, message: '' });

const ended = (ttlSecondsAfterFinished?: number): RedriveObject =>
  redriveObject(
    { ...(ttlSecondsAfterFinished !== undefined && { ttlSecondsAfterFinished }) },
    { completionTime: '2026-03-04T05:06:00Z' },
  );

it('goes on when its rate or its rest is over, and with what is in its way after a while', () => {
  const progress = { ended: false, waitMs: 350 };
  expect(waitMs(redriveObject(), because('Redriving'), progress)).toBe(350);
  expect(waitMs(redriveObject(), because('WaitingForRedrive'))).toBe(60_000);
  expect(waitMs(redriveObject(), because('QueueNotFound'))).toBe(1_000);
  expect(waitMs(redriveObject({ suspend: true }), because('Suspended'))).toBeUndefined();
});

/** For an hour, because of that. */
function notReady(reason: string): NonNullable<RedriveObject['status']> {
  const lastTransitionTime = new Date(NOW.getTime() - 3_600_000).toISOString();
  return { conditions: [{ type: 'Ready', status: 'False', reason, message: '', lastTransitionTime }] };
}

// A redrive that works is not ready either, for as long as it takes.
it('tries again soon after what came in its way, however long it had worked', () => {
  const worked = redriveObject({}, notReady('Redriving'));
  expect(waitMs(worked, because('SecretNotFound'), undefined, notReady('SecretNotFound'))).toBe(1_000);
});

it('is deleted when its time is over, however far that is, and else left alone', () => {
  expect(waitMs(ended())).toBeUndefined();
  expect(waitMs(ended(10))).toBe(2_500);
  expect(waitMs(ended(7))).toBe(0);
  expect(waitMs(ended(31_536_000))).toBe(DAY_MS);
});

it('what is known of one Redis says nothing of another', () => {
  const positions = new Positions();
  const position = {
    phase: 'redriving',
    cursor: { id: 'a', finishedOn: 1 },
    skipped: { exists: 0, again: 0 },
    redriven: 0,
  } as const;
  positions.set('u1', 'old', position);
  expect(positions.of('u1', 'old')).toEqual(position);
  expect(positions.of('u1', 'new')).toBeUndefined();
  positions.forget('u1');
  expect(positions.of('u1', 'old')).toBeUndefined();
});
