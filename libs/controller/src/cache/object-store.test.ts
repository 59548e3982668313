import { beforeEach, describe, expect, it } from 'vitest';
import type { Resource } from '../objects/resources.ts';
import { ObjectStore, type StoreChange } from './object-store.ts';

let store: ObjectStore<Resource>;
beforeEach(() => {
  store = new ObjectStore();
});

function object(name: string, resourceVersion: string, uid = `uid-${name}`, labels?: Record<string, string>): Resource {
  return { apiVersion: 'v1', kind: 'Thing', metadata: { namespace: 'ns', name, uid, resourceVersion, labels } };
}

const described = (changes: StoreChange<Resource>[]): string[] =>
  changes.map(({ event, object: { metadata } }) => `${event} ${metadata.name}@${metadata.resourceVersion}`);

it('says add, then update with the state before', () => {
  expect(described(store.upsert(object('a', '1')))).toEqual(['add a@1']);
  const [update] = store.upsert(object('a', '2'));
  expect(update).toMatchObject({ event: 'update', previous: { metadata: { resourceVersion: '1' } } });
});

it('says nothing when the same state comes again', () => {
  store.upsert(object('a', '1'));
  expect(store.upsert(object('a', '1'))).toEqual([]);
});

it('sees another uid under a known name as a deletion and a creation', () => {
  store.upsert(object('a', '1', 'first'));
  expect(described(store.upsert(object('a', '5', 'second')))).toEqual(['delete a@1', 'add a@5']);
});

it('does not delete the present object for a late deletion of an earlier one', () => {
  store.upsert(object('a', '5', 'second'));
  expect(store.remove(object('a', '3', 'first'))).toEqual([]);
  expect(store.size).toBe(1);
});

it('reports of a new list what came, changed and went while nobody watched', () => {
  store.replace([object('kept', '1'), object('changed', '2'), object('gone', '3'), object('recreated', '4', 'old')]);
  const changes = store.replace([
    object('kept', '1'),
    object('changed', '8'),
    object('recreated', '9', 'new'),
    object('came', '10'),
  ]);
  expect(described(changes)).toEqual([
    'update changed@8',
    'delete recreated@4',
    'add recreated@9',
    'add came@10',
    'delete gone@3',
  ]);
});

const byColour = (name: string): string[] => store.byIndex('colour', name).map(({ metadata }) => metadata.name);
const colours = (thing: Resource): string[] => thing.metadata.labels?.colours?.split('.') ?? [];

describe('indexes', () => {
  it('follow additions, changes and deletions, and know what was there before', () => {
    store.upsert(object('a', '1', 'a', { colours: 'red.blue' }));
    store.addIndex('colour', colours);
    store.upsert(object('b', '2', 'b', { colours: 'red' }));
    expect(byColour('red')).toEqual(['a', 'b']);
    store.upsert(object('a', '3', 'a', { colours: 'green' }));
    expect(byColour('red')).toEqual(['b']);
    expect(byColour('green')).toEqual(['a']);
    store.remove(object('b', '4', 'b'));
    expect(byColour('red')).toEqual([]);
  });

  it('keep an order, whatever comes, changes and goes', () => {
    const names = ['k', 'c', 'z', 'a', 'm', 'b'];
    store.addIndex('ordered', colours, (a, b) =>
      a.metadata.name < b.metadata.name ? -1 : Number(a.metadata.name > b.metadata.name),
    );
    const red = (version: string): Resource[] => names.map((name) => object(name, version, name, { colours: 'red' }));
    for (const thing of red('1')) store.upsert(thing);
    const inOrder = (): string =>
      [...store.eachByIndex('ordered', 'red')].map(({ metadata }) => metadata.name).join('');
    expect(inOrder()).toBe('abckmz');
    for (const thing of red('2')) store.upsert(thing);
    expect(inOrder()).toBe('abckmz');
    store.upsert(object('m', '3', 'm', { colours: 'blue' }));
    store.remove(object('a', '4', 'a', { colours: 'red' }));
    store.upsert(object('c', '5', 'recreated', { colours: 'red' }));
    expect(inOrder()).toBe('bckz');
    const [first] = store.eachByIndex('ordered', 'red');
    expect(first).toMatchObject({ metadata: { name: 'b' } });
  });

  it('that do not exist are an error, not an empty answer', () => {
    expect(() => store.byIndex('shape', 'round')).toThrow('no index shape');
  });
});
