import type { Job } from 'bullmq';
import { describe, expect, it } from 'vitest';
import { Parents } from './parents.ts';

const named = (name: string): Job => ({ name }) as Job;

describe('whether jobs had children', () => {
  it('is asked of every job while they are few', async () => {
    const { parents, clock, asked } = setUp(({ name }) => name === 'parent');
    for (const name of ['parent', 'child', 'parent']) {
      expect(await parents.had(named(name))).toBe(name === 'parent');
      clock.ms += 100;
    }
    expect(asked).toEqual(['parent', 'child', 'parent']);
  });

  it('is asked of 50 in a second when they are many: of the others it is what was true of the last of their name', async () => {
    const { parents, clock, asked } = setUp(({ name }) => name === 'parent');
    const names = Array.from({ length: 500 }, (_, at) => (at % 2 === 0 ? 'parent' : 'child'));
    const answers = [];
    for (const name of names) answers.push(await parents.had(named(name)));
    expect(answers).toEqual(names.map((name) => name === 'parent'));
    expect(asked.length).toBeLessThanOrEqual(52);
    clock.ms += 1_000;
    await parents.had(named('child'));
    expect(asked.length).toBeGreaterThan(50);
  });

  it('is what was true of the last job of all when many have names that no other has, and they are not all kept', async () => {
    const { parents, asked } = setUp(() => false);
    for (let job = 0; job < 5_000; job++) expect(await parents.had(named(`job ${job}`))).toBe(false);
    expect(asked.length).toBeLessThanOrEqual(52);
  });

  it('is not known when Redis does not answer, and then asked again', async () => {
    const lost = [true];
    const { parents } = setUp(() => {
      if (lost.pop()) throw new Error('the connection is lost');
      return false;
    });
    await expect(parents.had(named('job'))).rejects.toThrow('the connection is lost');
    expect(await parents.had(named('job'))).toBe(false);
  });
});

function setUp(hadChildren: (job: Job) => boolean) {
  const clock = { ms: 0 };
  const asked: string[] = [];
  const ask = async (job: Job): Promise<boolean> => {
    asked.push(job.name);
    return await Promise.resolve(hadChildren(job));
  };
  return { parents: new Parents(ask, () => clock.ms), clock, asked };
}
