import { expect, it } from 'vitest';
import type { ObjectMeta, Resource } from '../objects/resources.ts';
import { changesAtAll, changesMoreThanStatus } from './predicates.ts';

function updated(change: Partial<ObjectMeta>, base: Partial<ObjectMeta> = { generation: 3 }) {
  const previous: Resource = {
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name: 'a', resourceVersion: '1', ...base },
  };
  const object = { ...previous, metadata: { ...previous.metadata, resourceVersion: '2', ...change } };
  return { event: 'update', object, previous } as const;
}

it('an update of only the status does not count', () => {
  expect(changesMoreThanStatus(updated({}))).toBe(false);
  expect(changesMoreThanStatus(updated({ labels: { a: 'b' } }, { generation: 3, labels: { a: 'b' } }))).toBe(false);
});

it.each<[string, Partial<ObjectMeta>]>([
  ['spec', { generation: 4 }],
  ['labels', { labels: { a: 'b' } }],
  ['annotations', { annotations: { a: 'b' } }],
  ['finalizers', { finalizers: ['x/y'] }],
  ['deletion', { deletionTimestamp: '2026-01-01T00:00:00Z' }],
])('a change of the %s counts', (_, change) => {
  expect(changesMoreThanStatus(updated(change))).toBe(true);
});

it('every change of a type without generations counts, for it has no status', () => {
  expect(changesMoreThanStatus(updated({}, {}))).toBe(true);
});

it('the same version reported again is no change', () => {
  expect(changesAtAll(updated({ resourceVersion: '1' }))).toBe(false);
  expect(changesAtAll(updated({}))).toBe(true);
});
