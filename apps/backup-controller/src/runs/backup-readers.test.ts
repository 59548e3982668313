import { describe, expect, it } from 'vitest';
import { ago, restoreObject } from '../testing/objects.ts';
import { keysReadBy } from './backup-readers.ts';

const KEY = [{ namespace: 'shop', name: 'nightly' }];

describe('a backup is read by a restore that names it', () => {
  it('until that has ended, has verified what it wrote, or is being deleted', () => {
    expect(keysReadBy(restoreObject())).toEqual(KEY);
    expect(keysReadBy(restoreObject({}, { checkedAt: ago(1) }))).toEqual(KEY);
    expect(keysReadBy(restoreObject({}, { completionTime: ago(1) }))).toEqual([]);
    expect(keysReadBy(restoreObject({ resume: false }, { verifiedAt: ago(1) }))).toEqual([]);
    expect(keysReadBy(restoreObject({}, { completionTime: ago(2), verifiedAt: ago(2), lostAt: ago(1) }))).toEqual(KEY);
    const restore = restoreObject();
    expect(keysReadBy({ ...restore, metadata: { ...restore.metadata, deletionTimestamp: ago(1) } })).toEqual([]);
  });

  it('and not by one from a storage', () => {
    expect(keysReadBy(restoreObject({ from: { storage: { volume: {} }, directory: 'a/b' } }))).toEqual([]);
  });
});
