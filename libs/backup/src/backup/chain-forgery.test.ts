import { describe, expect, it } from 'vitest';
import { manifestPath } from '../manifest/layout.ts';
import { sealManifest, sha256Of } from '../manifest/manifest-text.ts';
import type { Manifest } from '../manifest/schema.ts';
import type { JsonRecord } from '../parts/lines.ts';
import { BackupWriter } from './backup-writer.ts';
import { MemoryStorage } from './memory-storage.fixture.ts';
import { openBackup } from './open-backup.ts';
import { keyNamed, SIGNAL } from './sample-backup.fixture.ts';
import {
  jobRecord,
  pointsOfStates,
  previousOf,
  readUntilRefused,
  recordsOfState,
  STATES,
  writeChain,
} from './sample-chain.fixture.ts';

describe.each([
  { title: 'encrypted', key: keyNamed('a') },
  { title: 'not encrypted', key: undefined },
])('a chain that is $title, by a writer that was wrong or lied,', ({ key }) => {
  const options = { ...(key && { key }) };

  it('is refused when a point names one after it as the one before it', async () => {
    const lie = { directory: '000002-a', backupId: 'shop.c00001.2', manifestSha256: 'f'.repeat(64) };
    const circle = pointsOfStates(STATES.slice(0, 3)).map((point, at) => ({
      ...point,
      ...(at === 1 && { previous: lie }),
    }));
    const storage = new MemoryStorage();
    const [, , last] = await writeChain(storage, circle, options);
    const { error, opened } = await readUntilRefused(storage, last!.directory, options);
    expect([opened, error]).toMatchObject([
      false,
      { reason: 'ChainDamaged', part: 'shop/c00001/000001-a/manifest.json' },
    ]);
    expect(error!.message).toContain('names 000002-a as the point before it, which comes after it');
  });

  it.each<[string, JsonRecord['kind'], JsonRecord, RegExp]>([
    ['jobs', 'job', { kind: 'index', state: 'waiting', entries: [['x']] }, /has a record of the kind index/],
    ['everything else', 'index', { kind: 'job', id: 'job-0', hash: {} }, /has a record of the kind job/],
  ])(
    'is refused for a part of the newest point that is said to hold %s and has other records',
    async (_, said, real, message) => {
      // The writer goes by `kind`, and what is stored is what toJSON gives.
      const lie = { kind: said, toJSON: () => real };
      const last = recordsOfState(STATES[1]!, STATES[0]);
      const storage = new MemoryStorage();
      const lying = [
        ...pointsOfStates(STATES.slice(0, 1)),
        { queues: { emails: [...last.slice(0, -1), lie, last.at(-1)!] } },
      ];
      const [, point] = await writeChain(storage, lying, options);
      const { error, given } = await readUntilRefused(storage, point!.directory, options);
      expect(error).toMatchObject({ reason: 'PartNotReadable', message: expect.stringMatching(message) as string });
      expect(given.filter(({ id }) => id === 'x')).toEqual([]);
      const backup = await openBackup(storage, point!.directory, { signal: SIGNAL, ...options });
      await expect(backup.verify()).rejects.toMatchObject({ reason: 'PartNotReadable' });
    },
  );

  it.each<[string, JsonRecord]>([
    ['an index without entries', { kind: 'index', state: 'waiting' }],
    ['an index entry without an id', { kind: 'index', state: 'waiting', entries: [[1]] }],
    ['a job without an id', { kind: 'job', hash: {} }],
  ])('is refused for %s', async (_, record) => {
    const storage = new MemoryStorage();
    const full = pointsOfStates(STATES.slice(0, 1));
    const increment = { queues: { emails: [...recordsOfState(STATES[0]!, STATES[0]), record] } };
    const [, point] = await writeChain(storage, [...full, increment], options);
    const { error } = await readUntilRefused(storage, point!.directory, options);
    expect(error).toMatchObject({ reason: 'PartNotReadable' });
  });

  it('is refused when its points have fewer jobs than the newest one says, before the record of the end', async () => {
    const storage = new MemoryStorage();
    const full = pointsOfStates([{ a: 1 }]);
    // Somebody took b for unchanged, and no point has it.
    const increment = { queues: { emails: recordsOfState({ a: 1, b: 1 }, { a: 1, b: 1 }) } };
    const [, point] = await writeChain(storage, [...full, increment], options);
    const { error, given } = await readUntilRefused(storage, point!.directory, options);
    expect(error).toMatchObject({ reason: 'JobsMissing' });
    expect(error!.message).toContain('queue emails has 2 jobs, and the points of its chain have 1 of them');
    expect(given.map(({ kind }) => kind)).not.toContain('end');
    const backup = await openBackup(storage, point!.directory, { signal: SIGNAL, ...options });
    await expect(backup.verify()).rejects.toMatchObject({ reason: 'JobsMissing' });
  });

  it('is refused when an older point has a job among the rest, where nobody reads it', async () => {
    const storage = new MemoryStorage();
    const lie = { kind: 'scheduler', toJSON: () => jobRecord('late', 1) };
    const [full, second] = pointsOfStates([{ a: 1 }, { a: 1 }]);
    const middle = { queues: { emails: [...second!.queues['emails']!, lie] } };
    const state = { a: 1, late: 1 };
    const newest = { queues: { emails: recordsOfState(state, state) } };
    const [, , point] = await writeChain(storage, [full!, middle, newest], options);
    expect((await readUntilRefused(storage, point!.directory, options)).error).toMatchObject({ reason: 'JobsMissing' });
    const backup = await openBackup(storage, point!.directory, { signal: SIGNAL, ...options });
    await expect(backup.verify()).rejects.toMatchObject({ reason: 'PartNotReadable' });
  });
});

describe('a manifest that contradicts itself is refused', () => {
  it.each<[string, (manifest: Manifest) => unknown, RegExp]>([
    [
      'an increment without a point before it',
      (manifest) => delete manifest.previous,
      /formatVersion 2 and "previous" absent/,
    ],
    [
      'a full backup with a point before it',
      (manifest) => (manifest.formatVersion = 1),
      /formatVersion 1 and "previous"/,
    ],
    [
      'an increment with a part of which nobody knows what it holds',
      ({ queues }) => delete queues[0]!.parts[0]!.holds,
      /parts of queue emails without "holds"/,
    ],
    ['another id than its successor names', (manifest) => (manifest.backupId = 'other'), /is of backup other, and/],
    ['a queue in another directory', ({ queues }) => (queues[0]!.directory = 'other'), /has queue emails in other/],
  ])('%s', async (_, change, message) => {
    const storage = new MemoryStorage();
    const [full, middle] = await writeChain(storage, pointsOfStates(STATES.slice(0, 2)));
    const forged = structuredClone(middle!.manifest);
    change(forged);
    const { integrity: __, ...unsealed } = forged;
    const { text, manifest } = sealManifest(unsealed, undefined);
    storage.objects.set(manifestPath(middle!.directory), Buffer.from(text));
    // Whoever forged it also wrote a point after it, so that its hash is right.
    const sha256 = sha256Of(text);
    const previous = {
      ...previousOf({ directory: middle!.directory, manifest, sha256 }),
      backupId: middle!.manifest.backupId,
    };
    const writer = await BackupWriter.create(storage, {
      directory: full!.directory.replace('000000-a', '000002-a'),
      backupId: 'x',
      previous,
      createdAt: new Date(0),
      about: {},
      signal: SIGNAL,
    });
    const queue = writer.queue('emails');
    await queue.write(recordsOfState(STATES[1]!, STATES[1]));
    await queue.close();
    await writer.finish();
    const { error, opened } = await readUntilRefused(storage, full!.directory.replace('000000-a', '000002-a'), {});
    expect(opened).toBe(false);
    expect(error?.message).toMatch(message);
  });
});
