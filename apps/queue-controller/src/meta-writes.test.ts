import { expect, it } from 'vitest';
import { actionsOf, metaWrite, stepsOf } from './meta-writes.ts';
import type { QueueStep } from './steps.ts';
import { ADOPTED_AT, CLUSTER, markOf } from './testing/queues.ts';

const owner = `${CLUSTER}/shop/emails`;
const claim: QueueStep = { kind: 'claim', mark: { owner, managed: ['rateLimit'], adoptedAt: ADOPTED_AT } };
const release: QueueStep = {
  kind: 'release',
  mark: { owner, managed: [], adoptedAt: ADOPTED_AT },
  fields: ['rateLimit'],
};
const limit: QueueStep = { kind: 'setRateLimit', window: { max: 5, durationMs: 500 } };
const concurrency: QueueStep = { kind: 'setGlobalConcurrency', value: 3 };

/** What would be done in one go, by the kinds of the steps. */
function together(...steps: QueueStep[]): string[][] {
  const actions = actionsOf(steps);
  expect(actions.flatMap(stepsOf)).toEqual(steps);
  return actions.map((action) => stepsOf(action).map(({ kind }) => kind));
}

it('steps in a row that only write meta are one write, and their order stays', () => {
  expect(together(claim, limit, concurrency)).toEqual([['claim', 'setRateLimit', 'setGlobalConcurrency']]);
  expect(together({ kind: 'addFinalizer' }, claim, { kind: 'pause' }, limit, concurrency, { kind: 'resume' })).toEqual([
    ['addFinalizer'],
    ['claim'],
    ['pause'],
    ['setRateLimit', 'setGlobalConcurrency'],
    ['resume'],
  ]);
  expect(together()).toEqual([]);
});

it('a write has the last mark, and of each field what the last step says', () => {
  const [all] = actionsOf([claim, limit, concurrency, { kind: 'clearRateLimit' }, release]);
  expect(all?.kind === 'writeMeta' && metaWrite(all.steps)).toEqual({
    mark: markOf([]),
    set: { concurrency: 3 },
    clear: ['max', 'duration'],
  });
});
