import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { decide } from './decide.ts';
import { aLoad, anObservation, aPool } from './fixtures.ts';
import type { Instant } from './model/types.ts';
import { initialState } from './policy-state.ts';

const jobsWaiting = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 500, max: 5_000 }));

it.each([undefined, 15_000])(
  'a pool never shrinks before the time that the previous decision gave (burst window %s ms)',
  (burstWindowMs) => {
    let shrinks = 0;
    let earliestMs = Infinity;
    fc.assert(
      fc.property(fc.array(fc.tuple(jobsWaiting, fc.integer({ min: 1, max: 90 })), { maxLength: 8 }), (phases) => {
        const pool = aPool(burstWindowMs === undefined ? {} : { burstWindowMs });
        let state = initialState(0);
        let replicas = 0;
        let nowMs = 0;
        let cooldownUntil: Instant = 0;
        for (const [ready, seconds] of [...phases, [0, 90] as const]) {
          for (let second = 0; second < seconds; second++) {
            nowMs += 1_000;
            const observation = anObservation(replicas, aLoad({ ready, sampledAtMs: nowMs }));
            const next = decide(pool, state, observation, nowMs);
            const { desired, cooldownUntilMs } = next.decision;
            if (desired < replicas) {
              shrinks++;
              earliestMs = Math.min(earliestMs, nowMs - cooldownUntil);
            }
            state = next.state;
            replicas = desired;
            cooldownUntil = cooldownUntilMs ?? 0;
          }
        }
      }),
      { numRuns: 60 },
    );
    expect(shrinks).toBeGreaterThan(60);
    expect(earliestMs).toBeGreaterThanOrEqual(0);
  },
);
