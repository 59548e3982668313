import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { SharedTexts } from './shared-texts.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const heapUsed = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};
/** As it comes from the API server: each has texts of its own. */
const aQueue = (index: number): object => {
  const condition = {
    type: 'Ready',
    reason: 'AsExpected',
    message: 'Redis answers: jobs can be added and taken, as they should be.',
  };
  const conditions = Array.from({ length: 5 }, () => condition);
  return JSON.parse(JSON.stringify({ metadata: { name: `queue-${index}` }, status: { conditions } })) as object;
};

/** Of 2,000 objects, bytes. */
function measure(share: (object: object) => void): number {
  const before = heapUsed();
  const objects = Array.from({ length: 2_000 }, (_, index) => {
    const object = aQueue(index);
    share(object);
    return object;
  });
  const used = heapUsed() - before;
  expect(objects).toHaveLength(2_000);
  return used;
}

it('leaves every object as it was', () => {
  const texts = new SharedTexts();
  const long = 'x'.repeat(1_000);
  const make = () => ({ a: ['one', 'one', null, 3, { b: 'one' }], __proto__: null, long, empty: '' });
  const object = make();
  texts.share(object);
  expect(object).toEqual(make());
});

it('holds what many objects say once, in a fraction of the memory', () => {
  const own = measure(() => undefined);
  const texts = new SharedTexts();
  expect(measure((object) => texts.share(object)) / own).toBeLessThan(0.7);
});

it('takes objects of any depth', () => {
  let deep: object = { text: 'at the end' };
  for (let level = 0; level < 100_000; level++) deep = { in: deep };
  expect(() => new SharedTexts().share(deep)).not.toThrow();
});

it('forgets texts of objects that are gone', () => {
  const texts = new SharedTexts();
  const before = heapUsed();
  for (let index = 0; index < 20_000; index++) texts.share({ text: `${index}`.padEnd(200, 'x') });
  expect(heapUsed() - before).toBeLessThan(2 * 1024 * 1024);
});
