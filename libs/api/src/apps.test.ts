import { describe, expect, test } from 'vitest';
import { APP_NAMES, APPS } from './apps.ts';
import { kinds } from './crd/kinds.ts';

describe('the table of apps', () => {
  test('names one owner for every kind, and no kind that there is not', () => {
    const owned = APP_NAMES.flatMap((name) => APPS[name].kinds);
    expect(owned.toSorted()).toEqual(kinds.map(({ kind }) => kind).toSorted());
  });

  test.each(APP_NAMES)('%s can be confined to a namespace if none of its kinds is cluster-scoped', (name) => {
    const { kinds: owned, namespaceScope } = APPS[name];
    const clusterScoped = kinds.some(({ kind, scope }) => scope === 'Cluster' && owned.includes(kind));
    expect(namespaceScope && clusterScoped).toBe(false);
  });

  test.each(APP_NAMES)('%s says what it does in one sentence', (name) => {
    expect(APPS[name].summary).toMatch(/^[A-Z].*[^.]\.$/);
  });
});
