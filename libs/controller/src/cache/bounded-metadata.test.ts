import { expect, it } from 'vitest';
import type { Resource } from '../objects/resources.ts';
import { boundMetadata, mayBeCut } from './bounded-metadata.ts';

/** What a cached object's metadata may have, with room for names and finalizers. */
const BOUND = 20 * 1024;
const controller = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'a', uid: 'u', controller: true };

const objectWith = (metadata: Partial<Resource['metadata']> & { managedFields?: unknown }): Resource => ({
  apiVersion: 'v1',
  kind: 'Sample',
  metadata: { name: 'a', namespace: 'shop', uid: 'u1', resourceVersion: '7', ...metadata },
});
const texts = (count: number, value: string, prefix = 'example.com/n') =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, value]));

it.each<[string, Partial<Resource['metadata']> & { managedFields?: unknown }]>([
  ['one annotation of 250 kB', { annotations: { note: 'x'.repeat(250_000) } }],
  ['a thousand annotations of 200 characters', { annotations: texts(1_000, 'x'.repeat(200)) }],
  ['five thousand labels', { labels: texts(5_000, 'x'.repeat(63)) }],
  [
    'a thousand owners',
    { ownerReferences: Array.from({ length: 1_000 }, () => ({ ...controller, controller: false })) },
  ],
  ['an owner with a name of 1 MB', { ownerReferences: [{ ...controller, name: 'x'.repeat(1_000_000) }] }],
  ['five thousand finalizers', { finalizers: Object.keys(texts(5_000, '', 'example.com/a-finalizer-')) }],
  ['one finalizer five thousand times', { finalizers: Array.from({ length: 5_000 }, () => 'example.com/a') }],
  ['managed fields', { managedFields: texts(1_000, 'x'.repeat(200)) }],
])('metadata of a cached object is small, whatever the API server takes: %s', (_, metadata) => {
  const object = boundMetadata(objectWith(metadata));
  expect(JSON.stringify(object).length).toBeLessThan(BOUND);
  expect(object.metadata).toMatchObject({ name: 'a', namespace: 'shop', uid: 'u1', resourceVersion: '7' });
});

it('what is within the bounds stays, also beside what is not', () => {
  const small = { 'redis-queue.io/force-delete': 'true', 'redis-queue.io/applied': 'f00' };
  const note = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', large: 'x'.repeat(2_000) };
  const labels = { 'redis-queue.io/pool': 'emails' };
  const ownerReferences = [{ ...controller, controller: false }, controller];
  const crowd = texts(200, 'x'.repeat(500));
  const { metadata } = boundMetadata(
    objectWith({ annotations: { ...note, ...crowd, ...small }, labels, ownerReferences }),
  );
  expect(metadata.annotations).toMatchObject(small);
  expect(metadata.annotations).not.toHaveProperty('large');
  expect(metadata.annotations).not.toHaveProperty('kubectl.kubernetes.io/last-applied-configuration');
  expect(metadata.labels).toEqual(labels);
  expect(metadata.ownerReferences).toEqual([controller]);
});

it('of too much always the same is held, in whatever order it comes', () => {
  const crowd = texts(200, 'x'.repeat(500));
  const reversed = Object.fromEntries(Object.entries(crowd).toReversed());
  const held = boundMetadata(objectWith({ annotations: { ...crowd } })).metadata.annotations;
  expect(boundMetadata(objectWith({ annotations: reversed })).metadata.annotations).toEqual(held);
  expect(Object.keys(held ?? {}).length).toBeGreaterThan(10);
});

it('finalizers that were cut are recognized, and those of any usual object are all there', () => {
  const crowd = Object.keys(texts(500, '', `${'x'.repeat(200)}.example/`));
  const ours = 'redis-queue.io/queue-data';
  const cut = boundMetadata(objectWith({ finalizers: [...crowd, ours] })).metadata.finalizers ?? [];
  expect(cut).toContain(ours);
  expect(cut.length).toBeLessThan(crowd.length);
  expect(mayBeCut(cut)).toBe(true);
  const usual = ['foregroundDeletion', ours];
  expect(boundMetadata(objectWith({ finalizers: usual })).metadata.finalizers).toEqual(usual);
  expect(mayBeCut(usual)).toBe(false);
});
