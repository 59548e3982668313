import type { Condition, ObjectCache } from '@redis-queue/controller';
import { expect, it } from 'vitest';
import { byAge } from '../ownership/claimants.ts';
import { leavesLine, RedriveLine } from './line.ts';
import type { RedriveObject } from './redrives.ts';
import { redriveObject } from './testing.fixture.ts';

type Cache = Pick<ObjectCache<RedriveObject>, 'addIndex' | 'eachByIndex'>;

/** The line of these objects, found as a cache finds them. */
function lineOf(objects: readonly RedriveObject[]): RedriveLine {
  const indexes = new Map<string, Parameters<Cache['addIndex']>>();
  const cache: Cache = {
    addIndex: (...index) => void indexes.set(index[0], index),
    eachByIndex: (name, value) => {
      const [, values, order] = indexes.get(name)!;
      return objects.filter((object) => values(object).includes(value)).toSorted(order);
    },
  };
  return new RedriveLine(cache, byAge);
}
const named = (name: string, at: string, spec: Parameters<typeof redriveObject>[0] = {}, ended?: true): RedriveObject =>
  redriveObject(
    spec,
    { ...(ended && { completionTime: '2026-01-01T00:00:00Z' }) },
    { name, uid: name, creationTimestamp: at },
  );

it('the oldest of a Queue that puts something back goes first, and the oldest dry run of a namespace', () => {
  const [early, late] = ['2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z'];
  const first = named('b', early);
  const second = named('c', early);
  const dry = named('dry', late, { dryRun: true });
  const otherDry = named('other-dry', '2026-03-03T00:00:00Z', { dryRun: true, queueRef: { name: 'sms' } });
  const suspended = named('suspended', '2026-01-01T00:00:00Z', { suspend: true });
  const other = named('other', late, { queueRef: { name: 'sms' } });
  const ended = named('ended', '2026-01-01T00:00:00Z', {}, true);
  const last = named('a', late);
  const line = lineOf([last, otherDry, dry, suspended, other, ended, second, first]);
  expect(
    [first, second, last, dry, otherDry, suspended, other, ended].map((each) => line.ahead(each)?.metadata.name),
  ).toEqual([undefined, 'b', 'b', undefined, 'dry', undefined, undefined, undefined]);
  expect(line.next(ended)).toEqual([{ namespace: 'shop', name: 'b' }]);
  expect(line.ofQueue({ namespace: 'shop', name: 'emails' }).map(({ name }) => name)).toEqual([
    'suspended',
    'b',
    'c',
    'a',
    'dry',
  ]);
});

/** Of a Queue of its own name. */
const dryRun = (name: string, at: string, reason?: string): RedriveObject => {
  const redrive = named(name, at, { dryRun: true, queueRef: { name } });
  const ready = { type: 'Ready', status: 'False', reason, message: '', lastTransitionTime: at } as Condition;
  return { ...redrive, status: { ...redrive.status, ...(reason !== undefined && { conditions: [ready] }) } };
};

it('a dry run that cannot read its queue keeps no other waiting, and one that counts does', () => {
  const stuck = dryRun('typo', '2026-03-01T00:00:00Z', 'QueueNotFound');
  const counting = dryRun('counting', '2026-03-02T00:00:00Z', 'Counting');
  const fresh = dryRun('fresh', '2026-03-03T00:00:00Z');
  const line = lineOf([fresh, counting, stuck]);
  expect([stuck, counting, fresh].map((each) => line.ahead(each)?.metadata.name)).toEqual([
    undefined,
    undefined,
    'counting',
  ]);
  // Nor is it the one that has its turn when another leaves the line.
  const ended = dryRun('ended', '2026-03-01T12:00:00Z');
  expect(line.next(ended)).toEqual([{ namespace: 'shop', name: 'counting' }]);
  expect(lineOf([fresh, stuck]).next(ended)).toEqual([{ namespace: 'shop', name: 'fresh' }]);
  expect(lineOf([stuck]).next(ended)).toEqual([]);
});

it('of thousands of a Queue only some are notified of its changes', () => {
  const many = Array.from({ length: 1_000 }, (_, n) => named(`r${n}`, '2026-03-01T00:00:00Z'));
  expect(lineOf(many).ofQueue({ namespace: 'shop', name: 'emails' })).toHaveLength(8);
});

const update = (object: RedriveObject, previous: RedriveObject): boolean =>
  leavesLine({ event: 'update', object, previous });

it('the next has its turn when one ends, is suspended, cannot read its queue or goes', () => {
  const open = named('a', '2026-03-01T00:00:00Z');
  const ended = named('a', '2026-03-01T00:00:00Z', {}, true);
  expect(update(ended, open)).toBe(true);
  expect(update({ ...open, spec: { ...open.spec, suspend: true } }, open)).toBe(true);
  expect(update(open, open)).toBe(false);
  expect(leavesLine({ event: 'delete', object: open, previous: undefined })).toBe(true);
  expect(leavesLine({ event: 'delete', object: ended, previous: undefined })).toBe(false);
  expect(leavesLine({ event: 'add', object: open, previous: undefined })).toBe(false);
  const [counts, cannot] = ['Counting', 'QueueNotFound'].map((reason) => dryRun('dry', '2026-03-01T00:00:00Z', reason));
  expect(update(cannot!, counts!)).toBe(true);
  expect(update(cannot!, cannot!)).toBe(false);
  expect(leavesLine({ event: 'delete', object: cannot!, previous: undefined })).toBe(false);
});
