import { expect, it } from 'vitest';
import { boundMetadata } from '../cache/bounded-metadata.ts';
import type { KubeClient } from '../client/kube-client.ts';
import { widget, WIDGETS, type Widget } from '../testing/widgets.ts';
import { addFinalizer, removeFinalizer } from './finalizers.ts';

const OURS = 'test.example/ours';

function aWidget(finalizers: readonly string[]): Widget {
  const object = widget('shop', 'a');
  return { ...object, metadata: { ...object.metadata, resourceVersion: '7', finalizers: [...finalizers] } };
}

const cached = (finalizers: readonly string[]): Widget => boundMetadata(aWidget(finalizers));

/** An API server that holds the object, and takes down the lists that are written and how often it is read. */
function serverOf(finalizers: readonly string[]) {
  const written: unknown[] = [];
  let reads = 0;
  const client = {
    get: () => {
      reads++;
      return Promise.resolve(aWidget(finalizers));
    },
    mergePatch: (_: unknown, __: unknown, { metadata }: Pick<Widget, 'metadata'>) => {
      expect(metadata.resourceVersion).toBe('7');
      written.push(metadata.finalizers);
      return Promise.resolve(aWidget(metadata.finalizers ?? []));
    },
  } as unknown as KubeClient;
  return { client, written, reads: () => reads };
}

it.each([
  ['few', ['foregroundDeletion'], 0],
  ['more than a cache holds', Array.from({ length: 500 }, (_, index) => `${'x'.repeat(200)}.example/${index}`), 1],
])('those of others stay when ours is added or removed: %s', async (_, others, reads) => {
  const adding = serverOf(others);
  await addFinalizer(adding.client, WIDGETS, cached(others), OURS);
  expect(adding.written).toEqual([[...others, OURS]]);
  expect(adding.reads()).toBe(reads);
  const removing = serverOf([...others, OURS]);
  await removeFinalizer(removing.client, WIDGETS, cached([...others, OURS]), OURS);
  expect(removing.written).toEqual([others]);
  expect(removing.reads()).toBe(reads);
});
