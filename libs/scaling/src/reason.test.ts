import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { aLoad, anObservation, aPool, IN_AFTER_A_MINUTE, OUT_AT_ONCE } from './fixtures.ts';
import { HOLDS } from './hold-reason.ts';
import type { PolicyState, PoolObservation, PoolSpecView, QueueObservation } from './model/types.ts';
import { addProposal, initialState } from './policy-state.ts';

const NOW = 1_000_000;

/** The reason of a pool that has been watched for long and was asked for `highest` pods 20 s ago. */
function reasonOf(
  current: number,
  queues: readonly QueueObservation[],
  {
    highest = 0,
    pool = aPool(),
    remembered = {},
    ...blocked
  }: { highest?: number; pool?: PoolSpecView; remembered?: Partial<PolicyState> } & Partial<PoolObservation> = {},
): string {
  const watched = { ...initialState(0), ...remembered, decidedAtMs: NOW - 1_000 };
  const state = addProposal(watched, pool, { replicas: highest, lasting: highest }, NOW - 20_000);
  return decide(pool, { ...state, decidedAtMs: NOW - 1_000 }, { ...anObservation(current, ...queues), ...blocked }, NOW)
    .decision.reason;
}

const load = (over: Parameters<typeof aLoad>[0] = {}) => aLoad({ sampledAtMs: NOW, ...over });
const unseen = (queue: string, message = 'connect ECONNREFUSED 10.0.0.7:6379') =>
  ({ queue, unseen: 'SensorFailed', message }) as const;

describe('what is there and what it asks for', () => {
  it.each<[string, string, string]>([
    [
      'jobs that wait and run',
      reasonOf(4, [load({ ready: 3_000, active: 40, dueSoon: 1, estimates: { serviceTimeMs: 800 } })]),
      '74 replicas: 3,000 jobs wait, 1 is due soon and 40 run; at 800 ms per job, 74 pods with 10 slots each start them within 5 s.',
    ],
    [
      'one of each',
      reasonOf(0, [load({ ready: 1 })], { pool: aPool({ concurrency: 1 }) }),
      '1 replica: 1 job waits; at 1 s per job, 1 pod with 1 slot starts them within 5 s.',
    ],
    [
      'jobs that keep coming',
      reasonOf(7, [load({ active: 60, estimates: { arrivalRate: 60, arrivalMemoryMs: 60_000 } })]),
      '7 replicas: 60 jobs arrive per second; at 1 s per job, 7 pods with 10 slots each start 95 % of them within 5 s.',
    ],
    [
      'a difference too small to act on',
      reasonOf(10, [load({ ready: 1_080, estimates: { serviceTimeMs: 1 } })], {
        pool: aPool({ queueDepthTarget: 100 }),
      }),
      '10 replicas: 1,080 jobs wait, and queueDepth is 100 per replica; 10 instead of 11 is within the tolerance.',
    ],
    [
      'a depth',
      reasonOf(0, [load({ ready: 900, estimates: { serviceTimeMs: 1 } })], { pool: aPool({ queueDepthTarget: 100 }) }),
      '9 replicas: 900 jobs wait, and queueDepth is 100 per replica.',
    ],
    ['nothing', reasonOf(0, [load()]), '0 replicas: nothing waits, runs or is due soon.'],
    [
      'a paused queue',
      reasonOf(0, [load({ ready: 7, paused: true })]),
      '0 replicas: 7 jobs wait and cannot be started; queue emails is paused.',
    ],
    [
      'a bound from above',
      reasonOf(5, [load({ ready: 3_000, active: 50 })], { pool: aPool({ maxReplicas: 5 }) }),
      '5 replicas: 3,000 jobs wait and 50 run; at 1 s per job, 88 pods with 10 slots each start them within 5 s; maxReplicas allows 5 of 88.',
    ],
    [
      'jobs that fail, at the bound',
      reasonOf(1, [load({ ready: 50, estimates: { errorRate: 0.8, finishedJobs: 120 } })], {
        pool: aPool({ maxReplicas: 1 }),
      }),
      '1 replica: 50 jobs wait; at 1 s per job, 2 pods with 10 slots each start them within 5 s; 80 % of the last 120 finished jobs failed; maxReplicas allows 1 of 2.',
    ],
    [
      'jobs whose worker is gone',
      reasonOf(1, [load({ active: 3, orphaned: 2 })]),
      '1 replica: 2 jobs have lost their worker and 1 runs; at 1 s per job, 1 pod with 10 slots starts them within 5 s.',
    ],
    [
      'of two queues the one that asks for most',
      reasonOf(0, [load({ queue: 'sms', ready: 30 }), load({ ready: 300 })]),
      '10 replicas: 330 jobs wait; at 1 s per job, 10 pods with 10 slots each start them within 5 s; mostly for queue emails.',
    ],
    [
      'a line beside slots that stay free',
      reasonOf(14, [load({ ready: 900, active: 10 })], {
        pool: aPool({ concurrency: 1 }),
        remembered: {
          freeSlots: {
            emails: {
              atMs: NOW - 1_000,
              lineAtMs: NOW - 1_000,
              served: 10,
              ready: [],
              ceiling: { slots: 13.2, untilMs: NOW + 60_000, holdMs: 120_000, tried: false },
            },
          },
        },
      }),
      '14 replicas: 900 jobs wait and 10 run; at 1 s per job, 14 pods with 1 slot each start them within 5 s; queue emails has jobs that wait beside free slots.',
    ],
    [
      'a bound from below',
      reasonOf(2, [load()], { pool: aPool({ minReplicas: 2 }) }),
      '2 replicas: nothing waits, runs or is due soon; minReplicas is 2.',
    ],
  ])('%s', (_, reason, expected) => {
    expect(reason).toBe(expected);
  });
});

describe('what holds the size comes first, with its numbers', () => {
  const waiting = [load({ ready: 3_000 })];
  it.each<[string, string, string]>([
    [
      'StabilizationWindow',
      reasonOf(7, [load()], { highest: 7 }),
      '7 replicas although 0 would do, because more was needed within the scale-down window (smaller in 40 s at the earliest): nothing waits, runs or is due soon.',
    ],
    [
      'SensorFailed',
      reasonOf(3, [unseen('emails'), load({ queue: 'sms' })]),
      '3 replicas as before, because queue emails could not be read (connect ECONNREFUSED 10.0.0.7:6379), and a pool never shrinks on missing data: nothing waits, runs or is due soon in what could be read.',
    ],
    [
      'SensorFailed of many',
      reasonOf(
        3,
        ['a', 'b', 'c', 'd', 'e'].map((name) => unseen(name)),
      ),
      'because queues a, b, c and 2 more could not be read (connect',
    ],
    [
      'SensorFailed of a pool at zero',
      reasonOf(0, [unseen('emails')]),
      '0 replicas: queue emails could not be read (connect ECONNREFUSED 10.0.0.7:6379); nothing is known about what waits.',
    ],
    [
      'StaleData',
      reasonOf(3, [load({ sampledAtMs: NOW - 23_000 })]),
      'because queue emails was last seen 23 s ago, and',
    ],
    [
      'QueueMissing',
      reasonOf(3, [{ queue: 'sms', unseen: 'QueueMissing', message: 'Queue sms does not exist in namespace team' }]),
      'because queue sms is missing (Queue sms does not exist in namespace team), and',
    ],
    [
      'WaitOverTarget',
      reasonOf(20, [load({ ready: 2, active: 1, headAgeMs: 12_000 })]),
      'because jobs of queue emails wait 12 s, longer than the target of 5 s',
    ],
    [
      'JobsFailing',
      reasonOf(3, [load({ ready: 3_000, estimates: { errorRate: 0.8, finishedJobs: 120 } })]),
      '3 replicas instead of 86, because 80 % of the last 120 finished jobs failed, and more pods would not help: 3,000 jobs wait',
    ],
    [
      'Unschedulable',
      reasonOf(3, waiting, {
        unschedulablePods: 2,
        remembered: { unschedulable: { pods: 2, sinceMs: NOW - 300_000 } },
      }),
      'because 2 pods of the pool cannot be scheduled, for longer than a node takes to start: ',
    ],
    [
      'QuotaExhausted',
      reasonOf(3, waiting, { quotaExhausted: true }),
      'because the namespace admits no more pods (quota',
    ],
    [
      'Disabled',
      reasonOf(3, waiting, { pool: aPool({ scaleUp: { ...OUT_AT_ONCE, selectPolicy: 'Disabled' } }) }),
      '3 replicas instead of 86, because behavior.scaleUp is disabled: ',
    ],
    [
      'StepLimit',
      reasonOf(30, [load()], {
        pool: aPool({
          scaleDown: { ...IN_AFTER_A_MINUTE, policies: [{ type: 'Pods', value: 1, periodMs: 60_000 }] },
        }),
      }),
      '29 replicas although 0 would do, because behavior.scaleDown.policies allow no more at once: ',
    ],
  ])('%s', (_, reason, expected) => {
    expect(reason).toContain(expected);
  });

  it('a pool that has just grown says what it waits for', () => {
    const state = { ...initialState(0), decidedAtMs: NOW - 1_000, observedReplicas: 40, grewAtMs: NOW - 100 };
    const { reason } = decide(aPool(), state, anObservation(40, load({ ready: 1_500, active: 400 })), NOW).decision;
    expect(reason).toMatch(/^40 replicas: .* 55 pods .*; the pods of the last growth are awaited first\.$/);
  });

  it('a pool that was not watched for long says how long that takes', () => {
    const state = { ...initialState(NOW - 12_000), decidedAtMs: NOW - 1_000 };
    const { reason } = decide(aPool(), state, anObservation(3, load()), NOW).decision;
    expect(reason).toBe(
      '3 replicas although 0 would do, because the autoscaler has watched the pool for 12 s of the 60 s it takes (smaller in 48 s at the earliest): nothing waits, runs or is due soon.',
    );
  });
});

it('no reason is longer than 600 characters, however long the names are', () => {
  const queues = Array.from({ length: 32 }, (_, n) =>
    n % 2 === 0
      ? unseen(`${n}${'q'.repeat(250)}`, 'm'.repeat(5_000))
      : load({ queue: `${n}${'q'.repeat(250)}`, ready: 1_000_000, paused: n % 4 === 1 }),
  );
  for (const current of [0, 5, 100]) {
    const reason = reasonOf(current, queues);
    expect(reason.length).toBeLessThanOrEqual(600);
    expect(reason).toMatch(/[.…]$/);
  }
});

describe('the guide', () => {
  const guide = readFileSync(new URL('../../../docs/autoscaling.md', import.meta.url), 'utf8');
  /** The guide with each quotation on one line, whatever the width at which its lines are wrapped. */
  const unwrapped = guide.replaceAll(/(?<=^> .*)\n> /gm, ' ');

  it.each([0, 900, 3_000])('says of its example with %i jobs that wait what the policy says', (ready) => {
    const emails = load({ ready, active: 60, estimates: { arrivalRate: 60, arrivalMemoryMs: 60_000 } });
    expect(unwrapped).toContain(`> ${reasonOf(7, [emails], { pool: aPool({ maxReplicas: 50 }) })}\n`);
  });

  it('explains every hold', () => {
    expect(HOLDS.filter((hold) => !guide.includes(`| \`${hold}\``))).toEqual([]);
  });
});
