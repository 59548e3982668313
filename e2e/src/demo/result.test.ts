import { describe, expect, it } from 'vitest';
import { balance } from '../ledger/balance.ts';
import { demoResult, shortcomings, type Course } from './result.ts';

const course: Course = {
  maxReplicas: 8,
  firstDecisionMs: 50.4,
  firstPodReadyMs: 2_000,
  drainedMs: 20_000,
  backToZeroMs: 40_000,
};
const ledger = balance({
  added: new Map([['a', 'completed']]),
  completed: new Set(['a']),
  failed: new Set(),
  effects: new Map([['a', 1]]),
  starts: new Map([['a', 1]]),
});

describe('the result of the demo', () => {
  it('is one flat object with counts and whole milliseconds', () => {
    expect(JSON.stringify(demoResult(ledger, course))).toBe(
      '{"added":1,"completed":1,"failed":0,"lost":0,"duplicated":0,"maxReplicas":8,"firstDecisionMs":50,"firstPodReadyMs":2000,"drainedMs":20000,"backToZeroMs":40000}',
    );
  });

  it('has no shortcomings when every job is accounted for and the pool went from 0 to many and back', () => {
    expect(shortcomings(ledger, course)).toEqual([]);
  });

  it('names what did not happen', () => {
    expect(shortcomings(ledger, { ...course, maxReplicas: 1, backToZeroMs: undefined })).toEqual([
      'the pool never had more than 1 replicas wanted',
      'the pool did not return to 0 in time',
    ]);
    expect(demoResult(ledger, { ...course, drainedMs: undefined }).drainedMs).toBeNull();
  });
});
