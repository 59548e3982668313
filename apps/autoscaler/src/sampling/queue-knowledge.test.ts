import { describe, expect, it } from 'vitest';
import { aSample } from '../testing/objects.ts';
import { dueJobs, fieldsToRead, initialKnowledge, learnSample, mayHaveFinished } from './queue-knowledge.ts';

const after = (sample: Parameters<typeof aSample>[0], atMs: number, known = initialKnowledge(0, 5_000, 10_000)) =>
  learnSample(known, aSample(sample), atMs, fieldsToRead(known, 5_000, atMs));

describe('finished jobs', () => {
  it('are read only when some may have finished', () => {
    expect(mayHaveFinished(aSample(), aSample())).toBe(false);
    expect(mayHaveFinished(aSample(), aSample({ active: 1 }))).toBe(true);
    expect(mayHaveFinished(aSample({ active: 1 }), aSample())).toBe(true);
    expect(mayHaveFinished(aSample({ waiting: 1 }), aSample())).toBe(true);
    expect(mayHaveFinished(aSample({ delayed: 1 }), aSample())).toBe(true);
    expect(mayHaveFinished(aSample(), aSample({ addCounter: 1 }))).toBe(true);
    expect(mayHaveFinished(undefined, aSample({ addCounter: 7 }))).toBe(true);
    expect(mayHaveFinished(undefined, aSample({ active: 1 }))).toBe(true);
  });

  it('are not read of a queue that never had a job', () => {
    const { addCounter: _none, ...never } = aSample();
    expect(mayHaveFinished(undefined, never)).toBe(false);
    expect(mayHaveFinished(never, never)).toBe(false);
    expect(mayHaveFinished(never, aSample({ addCounter: 1 }))).toBe(true);
  });
});

describe('what a sample reads', () => {
  it('is everything the first time', () => {
    expect(fieldsToRead(initialKnowledge(0, 5_000, 10_000), 5_000, 0)).toEqual({
      heads: true,
      rare: true,
      orphans: true,
    });
  });

  it('are heads of line only when one may have waited for half of the target', () => {
    const busy = after({ waiting: 3 }, 2_000, after({}, 1_000));
    expect(fieldsToRead(busy, 5_000, 3_000).heads).toBe(false);
    expect(fieldsToRead(busy, 5_000, 3_500).heads).toBe(true);
    expect(fieldsToRead(after({}, 3_400, busy), 5_000, 5_000).heads).toBe(false);
  });

  it('are orphans four times a minute, and each time while there are some', () => {
    const busy = after({ active: 1 }, 1_000);
    expect(fieldsToRead(busy, 5_000, 7_000)).toMatchObject({ rare: true, orphans: false });
    expect(fieldsToRead(busy, 5_000, 16_000)).toMatchObject({ rare: true, orphans: true });
    expect(fieldsToRead(after({ active: 1, orphaned: 1 }, 1_000), 5_000, 1_500)).toMatchObject({
      rare: true,
      orphans: true,
    });
  });

  it('is the rare fields of a busy queue only now and then, unless some were set', () => {
    const idle = after({}, 1_000);
    expect(fieldsToRead(idle, 5_000, 1_001).rare).toBe(true);
    const plain = after({ active: 1 }, 1_001, idle);
    expect(fieldsToRead(plain, 5_000, 2_000).rare).toBe(false);
    expect(fieldsToRead(after({ active: 1 }, 5_500, plain), 5_000, 6_000).rare).toBe(false);
    expect(fieldsToRead(after({ active: 1 }, 5_500, plain), 5_000, 6_001).rare).toBe(true);
    for (const rare of [
      { paused: true },
      { globalConcurrency: 3 },
      { waitingChildren: 1 },
      { schedulers: 1 },
      { orphaned: 1 },
      { limitWindowMs: 900 },
    ])
      expect(fieldsToRead(after({ active: 1, ...rare }, 1_000), 5_000, 1_001).rare).toBe(true);
  });
});

it('a sample with another time ahead is learnt as such: when jobs are due, and how far ahead arrivals are forecast', () => {
  const sample = aSample({ delayed: 4, dueSoon: 4, dueByQuarter: [1, 2, 3] });
  const known = learnSample(initialKnowledge(0, 5_000, 10_000), sample, 0, undefined, 60_000);
  expect(known.history.horizonMs).toBe(60_000);
  expect(dueJobs(sample, known.history.horizonMs)?.map(({ withinMs }) => withinMs)).toEqual([
    15_000, 30_000, 45_000, 60_000,
  ]);
  expect(learnSample(known, sample, 1_000).history.horizonMs).toBe(60_000);
});
