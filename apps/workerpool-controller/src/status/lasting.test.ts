import { expect, it } from 'vitest';
import type { ScalingDecision } from '@redis-queue/scaling-bus';
import { aDecision, aPool, autoscaled } from '../testing/objects.ts';
import { statusOf } from '../testing/statuses.ts';
import { LastingStates, LASTING_MS } from './lasting.ts';

const pool = aPool(autoscaled(0, 10));
const statusWith = (change: Partial<ScalingDecision>) => statusOf(pool, { decision: aDecision(change) });
const failing = statusWith({ heldBy: 'JobsFailing', reason: '3 replicas instead of 9' });
const limited = statusWith({ safetyLimitHit: true, reason: '10 replicas: maxReplicas allows 10 of 40' });
const calm = statusWith({});

it('a hold is reported once it has lasted, and only once', () => {
  const states = new LastingStates();
  expect(states.observe(pool, failing, 0)).toEqual({ events: [], dueInMs: LASTING_MS });
  expect(states.observe(pool, failing, LASTING_MS - 1)).toEqual({ events: [], dueInMs: 1 });
  expect(states.observe(pool, failing, LASTING_MS).events).toEqual([
    { type: 'Warning', reason: 'ScalingHeld', message: 'JobsFailing: 3 replicas instead of 9' },
  ]);
  expect(states.observe(pool, failing, 10 * LASTING_MS)).toEqual({ events: [] });
});

it('a hold that comes and goes is not reported, nor is one that is part of normal operation', () => {
  const states = new LastingStates();
  for (let turn = 0; turn < 100; turn++) {
    const status = turn % 2 === 0 ? failing : calm;
    expect(states.observe(pool, status, turn * 20_000).events).toEqual([]);
  }
  const waiting = statusWith({ heldBy: 'StabilizationWindow' });
  expect(states.observe(pool, waiting, 0)).toEqual({ events: [] });
  expect(states.observe(pool, waiting, 10 * LASTING_MS)).toEqual({ events: [] });
});

it('a limit and a hold are reported side by side, and another hold again', () => {
  const states = new LastingStates();
  const both = statusWith({ safetyLimitHit: true, heldBy: 'SensorFailed' });
  states.observe(pool, both, 0);
  expect(states.observe(pool, both, LASTING_MS).events.map(({ reason }) => reason)).toEqual([
    'ScalingHeld',
    'ScalingLimited',
  ]);
  expect(states.observe(pool, limited, LASTING_MS).events).toEqual([]);
  states.observe(pool, failing, LASTING_MS);
  expect(states.observe(pool, failing, 2 * LASTING_MS).events).toHaveLength(1);
});

it('a restart does not report again what status has shown for long, and reports what has just begun', () => {
  const storedMs = Date.parse('2026-01-01T00:00:00Z');
  const stored = { ...pool, status: failing };
  expect(new LastingStates().observe(stored, failing, storedMs + 3 * LASTING_MS)).toEqual({ events: [] });
  const young = new LastingStates().observe(stored, failing, storedMs + 10_000);
  expect(young).toEqual({ events: [], dueInMs: LASTING_MS - 10_000 });
});
