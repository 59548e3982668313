import { expect, it } from 'vitest';
import { ListSplitter } from './list-splitter.ts';

/** The list put together again from what is cut out of `json`, given in chunks of `size` bytes. */
function split(json: string, size = Infinity): unknown {
  const bytes = Buffer.from(json);
  const splitter = new ListSplitter();
  const items: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, Math.min(at + size, bytes.length));
    items.push(...splitter.push(chunk).map((item) => JSON.parse(item) as unknown));
  }
  const envelope = JSON.parse(splitter.end()) as { items: unknown };
  return { ...envelope, items: Array.isArray(envelope.items) ? items : envelope.items };
}

const ITEMS = [
  { metadata: { name: 'a', labels: { items: 'x' } }, items: [{ b: [1, [2]] }] },
  { text: 'braces }]{[ "quoted" \\\\" back\\', more: ['ünïcödé 🎉', '\u2028'] },
  {},
];
const LISTS = {
  'items last': { kind: 'PodList', metadata: { continue: 'x', items: [{ no: 'item' }] }, items: ITEMS },
  'items first': { apiVersion: 'v1', items: ITEMS, kind: 'PodList', metadata: { resourceVersion: '1' } },
  'no items': { kind: 'PodList', items: [], metadata: {} },
  'null for items': { kind: 'PartialObjectMetadataList', items: null, metadata: {} },
  'something else': { kind: 'Status', message: 'items', details: [['items'], { items: [{}] }] },
};

it.each(Object.entries(LISTS))('%s: the parts are what the whole is, however it arrives', (_, list) => {
  for (const json of [JSON.stringify(list), JSON.stringify(list, undefined, 2)]) {
    for (const size of [1, 2, 7, 64, Infinity]) expect(split(json, size)).toEqual(JSON.parse(json));
  }
});
