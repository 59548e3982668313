import { DECISION_ANNOTATION } from '@redis-queue/scaling-bus';
import { describe, expect, it } from 'vitest';
import { FenceAudit } from './fence-audit.ts';

const sizes: Record<string, number> = { '5.1': 3, '5.2': 7, '5.3': 1 };
const decisions = {
  sizeOf: (_pool: string, fence: string) => sizes[fence],
  hadExpired: (_pool: string, fence: string) => fence === '5.3',
};

function audit(...revisions: [fence: string | undefined, replicas: number][]): FenceAudit {
  const seen = new FenceAudit(decisions);
  for (const [fence, replicas] of revisions) {
    const annotations: Record<string, string> = fence === undefined ? {} : { [DECISION_ANNOTATION]: fence };
    seen.see({ metadata: { name: 'pool', annotations }, spec: { replicas } });
  }
  return seen;
}

describe('the audit of fences', () => {
  it('finds nothing where fences rise with their sizes, each seen any number of times', () => {
    expect(audit([undefined, 0], ['0.0', 0], ['5.1', 3], ['5.1', 3], ['5.2', 7])).toMatchObject({
      fenceRegressions: 0,
      wrongPairs: 0,
      expiredApplied: 0,
      applied: 2,
    });
  });

  it('counts a fence that goes back or away', () => {
    expect(audit(['0.0', 0], ['5.2', 7], ['5.1', 3]).fenceRegressions).toBe(1);
    expect(audit(['0.0', 0], ['5.2', 7], [undefined, 7]).fenceRegressions).toBe(1);
  });

  it('counts a size that was not decided under its fence, and a fence that nobody decided', () => {
    expect(audit(['0.0', 0], ['5.1', 4]).wrongPairs).toBe(1);
    expect(audit(['0.0', 0], ['5.1', 3], ['5.1', 4]).wrongPairs).toBe(1);
    expect(audit(['0.0', 0], ['9.9', 4]).wrongPairs).toBe(1);
  });

  it('counts decisions that had expired', () => {
    expect(audit(['0.0', 0], ['5.3', 1]).expiredApplied).toBe(1);
  });
});
