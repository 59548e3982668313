import { describe, expect, it } from 'vitest';
import type { JsonRecord } from '../parts/lines.ts';
import { BackupWriter } from './backup-writer.ts';
import { ChainIndex } from './chain-index.ts';
import { collect } from './collect.fixture.ts';
import { MemoryStorage } from './memory-storage.fixture.ts';
import { openBackup } from './open-backup.ts';
import { mergeRecords } from './merge-records.ts';
import { placesOf, readChain, readManifests } from './read-chain.ts';
import { keyNamed, SIGNAL } from './sample-backup.fixture.ts';
import {
  jobRecord,
  pointsOfStates,
  previousOf,
  readAll,
  readPoint,
  recordsOfState,
  settled,
  writeChain,
  type QueueState,
} from './sample-chain.fixture.ts';

/** States of a queue that lives: jobs come, change and go by a fixed sequence of chance. */
function states(count: number): QueueState[] {
  let seed = 1;
  const chance = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const all: QueueState[] = [Object.fromEntries(Array.from({ length: 60 }, (_, id) => [`job-${id}`, 0]))];
  for (let at = 1; at < count; at += 1) {
    const remaining = Object.entries(all.at(-1)!).filter(() => chance() > 0.1);
    const next = Object.fromEntries(remaining.map(([id, version]) => [id, chance() > 0.2 ? version : at]));
    // Some that are gone come again.
    for (let more = 0; more < 5; more += 1) next[`job-${Math.floor(chance() * 80)}`] ??= at;
    all.push(next);
  }
  return all;
}

const job = (id: string, records: readonly JsonRecord[]): unknown =>
  records.filter((record) => record.kind === 'job' && record['id'] === id).map((record) => record['hash']);

describe('a chain', () => {
  it.each([
    ['encrypted', keyNamed('a')],
    ['not encrypted', undefined],
  ])('gives at each point what a full backup would have had then (%s)', async (_, key) => {
    const storage = new MemoryStorage();
    const all = states(30);
    const points = await writeChain(storage, pointsOfStates(all), { key });
    expect(points.map(({ manifest }) => manifest.formatVersion)).toEqual([1, ...Array.from({ length: 29 }, () => 2)]);
    for (const [at, point] of points.entries()) {
      const records = await readPoint(storage, point, { ...(key && { key }) });
      expect(settled(records)).toEqual(settled(recordsOfState(all[at]!)));
    }
  });

  it('gives everything but jobs first, in order, and the end last', async () => {
    const storage = new MemoryStorage();
    const points = await writeChain(storage, pointsOfStates(states(3)));
    const kinds = (await readPoint(storage, points[2]!)).map(({ kind }) => kind);
    expect(kinds.slice(0, 3)).toEqual(['queue', 'index', 'scheduler']);
    expect(kinds.at(-1)).toBe('end');
    expect(new Set(kinds.slice(3, -1))).toEqual(new Set(['job']));
  });

  it('has the newest record of a job that changed in five points, and within one point the later one', async () => {
    const storage = new MemoryStorage();
    const points = await writeChain(storage, pointsOfStates([1, 2, 3, 4, 5].map((version) => ({ a: version, b: 1 }))));
    for (const [at, point] of points.entries())
      expect(job('a', await readPoint(storage, point))).toEqual([jobRecord('a', at + 1)['hash']]);
    const twice = [...recordsOfState({ a: 6, b: 1 }, { b: 1 }).slice(0, -1), jobRecord('a', 7)];
    const many = Array.from({ length: 30 }, (_, at) => jobRecord('a', at + 8));
    const newest = { queues: { emails: [...twice, ...many, { kind: 'end', jobs: 2, counts: {}, gone: 0 }] } };
    const [, last] = await writeChain(storage, [pointsOfStates([{ a: 1, b: 1 }])[0]!, newest], { chain: 'other' });
    expect(last!.manifest.queues[0]!.parts.filter(({ holds }) => holds === 'jobs').length).toBeGreaterThan(1);
    expect(job('a', await readPoint(storage, last!))).toEqual([jobRecord('a', 37)['hash']]);
  });

  it('leaves out jobs that no index of the newest point names, and counts as gone those that no point has', async () => {
    const storage = new MemoryStorage();
    const increment = [
      { kind: 'queue', prefix: 'bull', name: 'emails' },
      jobRecord('not-named', 1),
      { kind: 'index', state: 'waiting', entries: [['a'], ['nowhere'], ['a']] },
      { kind: 'end', jobs: 1, counts: { waiting: 3 }, gone: 4, changed: 1 },
    ];
    const points = [...pointsOfStates([{ a: 1, removed: 1 }]), { queues: { emails: increment } }];
    const [, newest] = await writeChain(storage, points);
    expect(await readPoint(storage, newest!)).toEqual([
      increment[0],
      increment[2],
      jobRecord('a', 1),
      { kind: 'end', jobs: 1, counts: { waiting: 3 }, gone: 5 },
    ]);
  });

  it('is read no farther back than its jobs lie', async () => {
    const storage = new MemoryStorage();
    const [a, b] = [
      { a: 1, b: 1 },
      { a: 2, b: 2 },
    ];
    const points = await writeChain(storage, pointsOfStates([a, b, { ...b, c: 1 }]));
    storage.objects.delete(`${points[0]!.directory}/emails/part-00001`);
    expect((await readPoint(storage, points[2]!)).filter(({ kind }) => kind === 'job')).toHaveLength(3);
  });

  it('may gain and lose queues on the way', async () => {
    const storage = new MemoryStorage();
    const [emails, orders] = [recordsOfState({ a: 1 }), recordsOfState({ o: 1 })];
    const points = await writeChain(storage, [
      { queues: { emails, lost: orders } },
      { queues: { emails: recordsOfState({ a: 1 }, { a: 1 }), orders } },
      { queues: { orders: recordsOfState({ o: 1 }, { o: 1 }), emails: recordsOfState({ a: 2 }, { a: 1 }) } },
    ]);
    expect(job('o', await readPoint(storage, points[2]!, {}, 'orders'))).toHaveLength(1);
    expect(job('a', await readPoint(storage, points[2]!, {}, 'emails'))).toEqual([jobRecord('a', 2)['hash']]);
    await expect(readPoint(storage, points[2]!, {}, 'lost')).rejects.toThrow('the backup has no queue lost');
  });

  it('is opened by keys that were rotated on the way', async () => {
    const storage = new MemoryStorage();
    const plain = pointsOfStates(states(4));
    const points = await writeChain(
      storage,
      plain.map((point, at) => ({ ...point, key: keyNamed(at < 2 ? 'old' : 'new', ...(at < 2 ? [] : ['old'])) })),
    );
    expect(new Set(points.map(({ manifest }) => manifest.encryption!.keyId)).size).toBe(2);
    const records = await readPoint(storage, points[3]!, { key: keyNamed('newest', 'new', 'old') });
    expect(records.at(-1)).toMatchObject({ kind: 'end', gone: 0 });
  });

  it('is listed from a point back to the full one, each with its hash', async () => {
    const storage = new MemoryStorage();
    const points = await writeChain(storage, pointsOfStates(states(4)));
    const found = await collect(readChain(storage, points[2]!.directory, { signal: SIGNAL }));
    expect(found).toEqual(
      points
        .slice(0, 3)
        .toReversed()
        .map(({ directory, manifest, sha256 }) => ({ directory, manifest, manifestSha256: sha256 })),
    );
  });

  it('is verified as a whole', async () => {
    const storage = new MemoryStorage();
    const points = await writeChain(storage, pointsOfStates(states(4)), { key: keyNamed('a') });
    const backup = await openBackup(storage, points[3]!.directory, { signal: SIGNAL, key: keyNamed('a') });
    const sum = (field: 'records' | 'storedBytes'): number =>
      points.reduce((total, { manifest }) => total + manifest.queues[0]![field], 0);
    const parts = points.reduce((total, { manifest }) => total + manifest.queues[0]!.parts.length, 0);
    const totals = { points: 4, parts, records: sum('records'), storedBytes: sum('storedBytes') };
    expect(await backup.verify()).toEqual(totals);
  });

  it('lies in any directory, also in that of the storage itself', async () => {
    const storage = new MemoryStorage();
    const state = { a: 1 };
    const write = (directory: string, previous?: Parameters<typeof previousOf>[0]) =>
      BackupWriter.create(storage, {
        directory,
        backupId: directory,
        ...(previous && { previous: previousOf(previous) }),
        createdAt: new Date(0),
        about: {},
        signal: SIGNAL,
      });
    const full = await write('monday');
    const queue = full.queue('emails');
    await queue.write(recordsOfState(state));
    await queue.close();
    const first = { directory: 'monday', ...(await full.finish()) };
    const increment = await write('tuesday', first);
    const same = increment.queue('emails');
    await same.write(recordsOfState(state, state));
    await same.close();
    const second = { directory: 'tuesday', ...(await increment.finish()) };
    expect(job('a', await readPoint(storage, second))).toHaveLength(1);
  });
});

describe('the reading of a chain', () => {
  it('goes on from any step as it went on before', async () => {
    const storage = new MemoryStorage();
    const points = await writeChain(storage, pointsOfStates(states(12)));
    const backup = await openBackup(storage, points[11]!.directory, { signal: SIGNAL });
    const batches = await collect(backup.records('emails'));
    const steps = batches.map(({ step }) => step);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(new Set(steps).size).toBeGreaterThan(10);
    for (let fromStep = 1; fromStep <= steps.at(-1)! + 1; fromStep += 1) {
      const again = await openBackup(storage, points[11]!.directory, { signal: SIGNAL });
      const expected = batches.filter(({ step }) => step >= fromStep).flatMap(({ records }) => records);
      expect(await readAll(again, 'emails', fromStep)).toEqual(expected);
    }
  });

  it('gives the same records as lines', async () => {
    const storage = new MemoryStorage();
    const points = await writeChain(storage, pointsOfStates(states(5)));
    const backup = await openBackup(storage, points[4]!.directory, { signal: SIGNAL });
    const text = Buffer.concat(await collect(backup.lines('emails'))).toString();
    const lines = text.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(await readAll(backup, 'emails'));
  });

  it('ends with the signal that it was given', async () => {
    const storage = new MemoryStorage();
    const points = await writeChain(storage, pointsOfStates(states(5)));
    const controller = new AbortController();
    const backup = await openBackup(storage, points[4]!.directory, { signal: controller.signal });
    const reading = backup.records('emails');
    await reading.next();
    controller.abort();
    await expect(collect(reading)).rejects.toThrow('aborted');
  });

  it('is of a bounded number of jobs', async () => {
    const storage = new MemoryStorage();
    const [, newest] = await writeChain(storage, pointsOfStates(states(2)));
    const [point] = await collect(readManifests(storage, newest!.directory, { signal: SIGNAL }));
    const rest = placesOf(point!).filter(({ entry }) => entry.holds === 'rest');
    const read = (maxJobs: number): Promise<unknown> =>
      collect(mergeRecords(storage, { name: 'emails', rest, jobs: [] }, { signal: SIGNAL, fromStep: 1, maxJobs }));
    await expect(read(20)).rejects.toMatchObject({ reason: 'ChainTooLarge' });
    await expect(read(200)).rejects.toMatchObject({ reason: 'JobsMissing' });
  });

  it('is of a bounded number of parts', async () => {
    const storage = new MemoryStorage();
    const points = await writeChain(storage, pointsOfStates(states(3)));
    const index = new ChainIndex(points[2]!.manifest.queues, { maxParts: 3 });
    const add = async (): Promise<void> => {
      for await (const point of readManifests(storage, points[2]!.directory, { signal: SIGNAL })) index.add(point);
    };
    await expect(add()).rejects.toMatchObject({ reason: 'ChainTooLarge' });
  });
});

describe('the writer of an increment', () => {
  it('separates jobs from everything else', async () => {
    const storage = new MemoryStorage();
    const all = states(2);
    const [, increment] = await writeChain(storage, pointsOfStates(all));
    const [queue] = increment!.manifest.queues;
    expect(queue!.parts.map(({ holds }) => holds)).toEqual(expect.arrayContaining(['jobs', 'rest']));
    const unchanged = { queues: { emails: recordsOfState(all[1]!, all[1]) } };
    const [, none] = await writeChain(storage, [...pointsOfStates([all[1]!]), unchanged], { chain: 'unchanged' });
    expect(new Set(none!.manifest.queues[0]!.parts.map(({ holds }) => holds))).toEqual(new Set(['rest']));
  });

  it.each(['', '..', '.', 'a/b', '000002-a', '../c00002/000001-a'])(
    'takes no %j for the point before it',
    async (place) => {
      const previous = { directory: place, backupId: 'a', manifestSha256: 'f'.repeat(64) };
      const options = { directory: 'c00001/000002-a', backupId: 'b', previous, createdAt: new Date(0), about: {} };
      const creating = BackupWriter.create(new MemoryStorage(), { ...options, signal: SIGNAL });
      await expect(creating).rejects.toThrow('is the name of another one beside it');
    },
  );
});
