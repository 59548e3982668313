import { describe, expect, it } from 'vitest';
import { MANIFEST_NAME } from '../manifest/layout.ts';
import { MemoryStorage } from './memory-storage.fixture.ts';
import { removeChain, removePoint } from './remove-backup.ts';
import { SIGNAL } from './sample-backup.fixture.ts';
import { pointsOfStates, readPoint, writeChain, type QueueState, type WrittenPoint } from './sample-chain.fixture.ts';

const STATES: QueueState[] = [{ a: 1 }, { a: 1, b: 1 }, { a: 2, b: 1 }, { b: 2 }];

async function chainIn(storage: MemoryStorage): Promise<WrittenPoint[]> {
  const points = await writeChain(storage, pointsOfStates(STATES));
  // On a volume the names come in any order.
  const objects = [...storage.objects];
  storage.objects.clear();
  for (const [path, bytes] of [...objects.filter((_, at) => at % 2 === 0), ...objects.filter((_, at) => at % 2 === 1)])
    storage.objects.set(path, bytes);
  return points;
}

/** A removal that dies before its n-th object. */
function dyingBefore(count: number): () => void {
  let left = count;
  return () => {
    left -= 1;
    if (left < 0) throw new Error('died');
  };
}

describe('a chain', () => {
  it('is removed so that each of its points is whole or gone, wherever the removal dies', async () => {
    for (let count = 0; ; count += 1) {
      const storage = new MemoryStorage();
      const points = await chainIn(storage);
      const dies = removeChain(storage, 'shop/c00001', { signal: SIGNAL, beforeRemove: dyingBefore(count) });
      const died = await dies.then(
        () => false,
        () => true,
      );
      const left = points.filter(({ directory }) => storage.objects.has(`${directory}/${MANIFEST_NAME}`));
      for (const point of left)
        expect((await readPoint(storage, point)).at(-1)).toMatchObject({ kind: 'end', gone: 0 });
      await removeChain(storage, 'shop/c00001', { signal: SIGNAL });
      expect(storage.objects.size).toBe(0);
      if (!died) return;
    }
  });

  it('is removed alone', async () => {
    const storage = new MemoryStorage();
    await chainIn(storage);
    const [other] = await writeChain(storage, pointsOfStates([{ a: 1 }]), { chain: 'shop/c000010' });
    await removeChain(storage, 'shop/c00001', { signal: SIGNAL });
    expect([...storage.objects.keys()].every((path) => path.startsWith('shop/c000010/'))).toBe(true);
    await readPoint(storage, other!);
  });
});

describe('a point', () => {
  it('is removed with all attempts at it, and the points before it stay', async () => {
    const storage = new MemoryStorage();
    const points = await chainIn(storage);
    storage.objects.set('shop/c00001/000003-b/emails/part-00001', Buffer.from('half'));
    storage.objects.set('shop/c00001/0000031-a/part-00001', Buffer.from('of another one'));
    await removePoint(storage, 'shop/c00001', 3, { signal: SIGNAL });
    const left = [...storage.objects.keys()].map((path) => path.split('/')[2]);
    expect(new Set(left)).toEqual(new Set(['000000-a', '000001-a', '000002-a', '0000031-a']));
    for (const point of points.slice(0, 3)) await readPoint(storage, point);
    await removePoint(storage, 'shop/c00001', 3, { signal: SIGNAL });
  });
});
