import { describe, expect, it } from 'vitest';
import { CompileEstimate } from './compile-estimate.ts';

describe('the estimate of a build', () => {
  const plan = new Map([
    ['small', 100],
    ['big', 700],
    ['program', 200],
  ]);

  it('is the rate so far, weighed by what packages cost', () => {
    let now = 5_000;
    const estimate = new CompileEstimate(plan, () => now);
    expect(estimate.left()).toBeUndefined();
    expect(estimate.toString()).toBe('0 of 3, 0 %, time left not known yet');
    now += 60_000;
    estimate.began('small');
    expect(estimate.left()).toBe(540_000);
    expect(estimate.toString()).toBe('1 of 3, 10 %, about 9 min left');
    now += 60_000;
    estimate.began('big');
    expect(estimate.toString()).toBe('2 of 3, 80 %, about 30 s left');
  });

  it('counts only packages of the plan, and each once', () => {
    let now = 0;
    const estimate = new CompileEstimate(plan, () => now);
    now = 1_000;
    for (const line of ['small', 'small', 'go: downloading k8s.io/api v0.36.3', '# big']) estimate.began(line);
    expect(estimate.toString()).toBe('1 of 3, 10 %, about 10 s left');
  });
});
