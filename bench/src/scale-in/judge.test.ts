import { expect, it } from 'vitest';
import { judgeScaleIn } from './judge.ts';

const sample = (...jobs: number[]) => new Map(jobs.map((count, n) => [`p${n}`, count]));
const left = (...pods: number[]) => new Set(pods.map((n) => `p${n}`));

it('a victim that was busier than one that stayed is worse, one that was as busy is not', () => {
  expect(judgeScaleIn(sample(0, 1, 1, 3), left(2, 3))).toMatchObject({ victims: 2, idle: 1, worse: 0 });
  expect(judgeScaleIn(sample(0, 1, 1, 3), left(0, 3))).toMatchObject({ victims: 2, idle: 0, worse: 2 });
  expect(judgeScaleIn(sample(0, 1, 1, 3), left(0, 1, 2))).toMatchObject({ victims: 1, worse: 1 });
});

it('pods that came after the sample are neither victims nor survivors', () => {
  expect(judgeScaleIn(sample(2, 1), new Set(['p0', 'later']))).toMatchObject({ victims: 1, worse: 0 });
});

it('knows how often a random choice would have gone wrong', () => {
  expect(judgeScaleIn(sample(1, 1, 1), left(0)).worseByLot).toBe(0);
  expect(judgeScaleIn(sample(0, 1, 2), left(1, 2)).worseByLot).toBeCloseTo(2 / 3);
  expect(judgeScaleIn(sample(0, 0, 1, 2), left(1, 2, 3)).worseByLot).toBeCloseTo(1 / 2);
  expect(judgeScaleIn(sample(0, 1, 1, 2), left(2, 3)).worseByLot).toBeCloseTo(1 - 2 / 6);
  expect(judgeScaleIn(sample(0, 1), left()).worseByLot).toBe(0);
});
