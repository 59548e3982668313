import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyWrapper } from '../encryption/key-wrapper.ts';
import { BackupDamagedError, type DamageReason } from '../errors/backup-damaged-error.ts';
import { manifestPath, partPath } from '../manifest/layout.ts';
import { sealManifest, sha256Of } from '../manifest/manifest-text.ts';
import type { Manifest } from '../manifest/schema.ts';
import type { JsonRecord } from '../parts/lines.ts';
import { BackupWriter } from './backup-writer.ts';
import { MemoryStorage } from './memory-storage.fixture.ts';
import { openBackup } from './open-backup.ts';
import type { OpenOptions } from './read-chain.ts';
import { keyNamed, SIGNAL } from './sample-backup.fixture.ts';
import {
  pointsOfStates,
  previousOf,
  recordsOfState,
  writeChain,
  type QueueState,
  type SamplePoint,
  type WrittenPoint,
} from './sample-chain.fixture.ts';

/** Of each job some versions, so that every point has parts that the newest one needs. */
const STATES: QueueState[] = [0, 1, 2, 3].map((point) =>
  Object.fromEntries(Array.from({ length: 80 }, (_, id) => [`job-${id}`, Math.min(point, id % 4)])),
);

/** Other jobs of the same ids. */
function changedStates(state: QueueState): QueueState {
  return Object.fromEntries(Object.entries(state).map(([id, version]) => [id, version + 4]));
}

interface Reading {
  readonly given: readonly JsonRecord[];
  readonly error: (Error & { readonly reason?: string; readonly part?: string }) | undefined;
  readonly opened: boolean;
}

async function read(storage: MemoryStorage, directory: string, options: Partial<OpenOptions>): Promise<Reading> {
  const given: JsonRecord[] = [];
  let opened = false;
  try {
    const backup = await openBackup(storage, directory, { signal: SIGNAL, ...options });
    opened = true;
    for await (const { records } of backup.records('emails')) given.push(...records);
    return { given, error: undefined, opened };
  } catch (error) {
    return { given, error: error as Error, opened };
  }
}

/** Copies all objects of a directory over those of another one. */
function copyOver(storage: MemoryStorage, from: MemoryStorage, source: string, target: string): void {
  for (const path of [...storage.objects.keys()].filter((each) => each.startsWith(`${target}/`)))
    storage.objects.delete(path);
  for (const [path, bytes] of from.objects)
    if (path.startsWith(`${source}/`)) storage.objects.set(target + path.slice(source.length), bytes);
}

describe.each([
  { title: 'encrypted', key: keyNamed('a') },
  { title: 'not encrypted', key: undefined },
])('a chain that is $title', ({ key }) => {
  const options = { ...(key && { key }) };
  const whole = new MemoryStorage();
  let points: WrittenPoint[];
  let other: WrittenPoint[];
  let foreign: MemoryStorage;
  let directories: string[];
  let newest: string;
  let records: readonly JsonRecord[];

  beforeAll(async () => {
    points = await writeChain(whole, pointsOfStates(STATES), options);
    // As the chain before it had them: the same jobs, the same numbers of points.
    other = await writeChain(whole, pointsOfStates(STATES), { ...options, chain: 'shop/c00000' });
    foreign = new MemoryStorage();
    await writeChain(foreign, pointsOfStates(STATES.map(changedStates)), options);
    directories = points.map(({ directory }) => directory);
    newest = directories[3]!;
    records = (await read(whole, newest, options)).given;
  });

  async function refusalOf(change: (storage: MemoryStorage) => unknown) {
    const storage = whole.copy();
    change(storage);
    const { given, error, opened } = await read(storage, newest, options);
    expect(given).toEqual(records.slice(0, given.length));
    expect(error).toBeInstanceOf(BackupDamagedError);
    expect(error!.message).toContain(error!.part);
    return { reason: error!.reason, part: error!.part, opened };
  }

  /** The part in the same place of another chain, in which jobs have other versions. */
  const foreignPart = (part: string): Buffer => foreign.object(part);
  const manifestOf = (point: number): string => manifestPath(directories[point]!);
  /** The parts of a point that have jobs. */
  const jobParts = (point: number): string[] =>
    points[point]!.manifest.queues[0]!.parts.flatMap(({ holds }, index) =>
      holds === 'rest' ? [] : [partPath(directories[point]!, { directory: 'emails' }, index + 1)],
    );

  it('is read as it was written', async () => {
    const reading = await read(whole, newest, { ...options, manifestSha256: points[3]!.sha256 });
    expect([reading.error, reading.given.length]).toEqual([undefined, 80 + 4]);
  });

  it.each<[string, DamageReason, (storage: MemoryStorage) => unknown]>([
    ['does not exist', 'ManifestMissing', (storage) => storage.objects.delete(manifestOf(1))],
    [
      'is that of an older point',
      'ManifestUnexpected',
      (storage) => storage.objects.set(manifestOf(1), whole.object(manifestOf(0))),
    ],
    [
      'is that of a newer point',
      'ManifestUnexpected',
      (storage) => storage.objects.set(manifestOf(1), whole.object(manifestOf(2))),
    ],
    [
      'is that of the newest point',
      'ManifestUnexpected',
      (storage) => storage.objects.set(manifestOf(1), whole.object(manifestOf(3))),
    ],
    [
      'is that of the same point of another chain',
      'ManifestUnexpected',
      (storage) => copyOver(storage, whole, other[1]!.directory, directories[1]!),
    ],
    ['is empty', 'ManifestDamaged', (storage) => storage.objects.set(manifestOf(1), Buffer.alloc(0))],
  ])('is refused before any record when the manifest of an older point %s', async (_, reason, change) => {
    expect(await refusalOf(change)).toEqual({ reason, part: manifestOf(1), opened: false });
  });

  it('is refused before any record for bytes of any manifest that changed, here and there', async () => {
    for (const point of points.keys()) {
      const stored = whole.object(manifestOf(point));
      for (let at = point; at < stored.length; at += 41) {
        const storage = whole.copy();
        const flipped = Buffer.from(stored);
        flipped[at]! ^= 1 << (at % 8);
        storage.objects.set(manifestOf(point), flipped);
        const { error, opened } = await read(storage, newest, options);
        expect([opened, error?.message], `byte ${at}`).toEqual([false, expect.stringContaining(manifestOf(point))]);
      }
    }
  });

  it('is refused with a point of another backup of the same queue in the place of one', async () => {
    const elsewhere = new MemoryStorage();
    await writeChain(elsewhere, pointsOfStates([...STATES.slice(0, 1), { a: 1 }]), options);
    const change = (storage: MemoryStorage): void => copyOver(storage, elsewhere, directories[1]!, directories[1]!);
    expect(await refusalOf(change)).toEqual({ reason: 'ManifestUnexpected', part: manifestOf(1), opened: false });
  });

  it('is refused for a part of an older point that changed, is missing, or is of another point', async () => {
    for (const point of [0, 1, 2]) {
      for (const part of jobParts(point)) {
        const stored = whole.object(part);
        const flipped = Buffer.from(stored);
        flipped[stored.length >> 1]! ^= 1;
        const flip = (storage: MemoryStorage): unknown => storage.objects.set(part, flipped);
        expect(await refusalOf(flip)).toEqual({ reason: 'PartHashDiffers', part, opened: true });
        const remove = (storage: MemoryStorage): unknown => storage.objects.delete(part);
        expect(await refusalOf(remove)).toEqual({ reason: 'PartMissing', part, opened: true });
        // Without a key the same records give the same bytes; the last part of the full backup has no job.
        if (foreignPart(part).equals(stored)) continue;
        const replace = (storage: MemoryStorage): unknown => storage.objects.set(part, foreignPart(part));
        const reason = expect.stringMatching(/^Part(Size|Hash)Differs$/) as string;
        expect(await refusalOf(replace)).toEqual({ reason, part, opened: true });
      }
    }
  });

  it('is not verified when a part is missing or too many that nobody would read', async () => {
    const rest = points[1]!.manifest.queues[0]!.parts.findIndex(({ holds }) => holds === 'rest') + 1;
    const part = `${directories[1]!}/emails/part-0000${rest}`;
    const changes: [DamageReason, string, (storage: MemoryStorage) => unknown][] = [
      ['PartMissing', part, (storage) => storage.objects.delete(part)],
      [
        'PartUnexpected',
        `${directories[1]!}/emails/part-00099`,
        (storage) => storage.objects.set(`${directories[1]!}/emails/part-00099`, whole.object(part)),
      ],
    ];
    for (const [reason, place, change] of changes) {
      const storage = whole.copy();
      change(storage);
      const backup = await openBackup(storage, newest, { signal: SIGNAL, ...options });
      await expect(backup.verify()).rejects.toMatchObject({ reason, part: place });
    }
  });

  it('is refused when a point names one after it as the one before it', async () => {
    const lie = { directory: '000002-a', backupId: 'shop.c00001.2', manifestSha256: 'f'.repeat(64) };
    const circle = pointsOfStates(STATES.slice(0, 3)).map((point, at) => ({
      ...point,
      ...(at === 1 && { previous: lie }),
    }));
    const storage = new MemoryStorage();
    const [, , last] = await writeChain(storage, circle, options);
    const { error, opened } = await read(storage, last!.directory, options);
    expect([opened, error]).toMatchObject([false, { reason: 'ChainDamaged', part: manifestOf(1) }]);
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
      const { error, given } = await read(storage, point!.directory, options);
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
    const { error } = await read(storage, point!.directory, options);
    expect(error).toMatchObject({ reason: 'PartNotReadable' });
  });

  it('is refused when its points have fewer jobs than the newest one says, before the record of the end', async () => {
    const storage = new MemoryStorage();
    const full = pointsOfStates([{ a: 1 }]);
    // Somebody took b for unchanged, and no point has it.
    const increment = { queues: { emails: recordsOfState({ a: 1, b: 1 }, { a: 1, b: 1 }) } };
    const [, point] = await writeChain(storage, [...full, increment], options);
    const { error, given } = await read(storage, point!.directory, options);
    expect(error).toMatchObject({ reason: 'JobsMissing' });
    expect(error!.message).toContain('queue emails has 2 jobs, and the points of its chain have 1 of them');
    expect(given.map(({ kind }) => kind)).not.toContain('end');
    const backup = await openBackup(storage, point!.directory, { signal: SIGNAL, ...options });
    await expect(backup.verify()).rejects.toMatchObject({ reason: 'JobsMissing' });
  });
});

it('a chain that is longer than any is refused before any record', async () => {
  const storage = new MemoryStorage();
  const empty: SamplePoint[] = Array.from({ length: 1_002 }, () => ({ queues: {} }));
  const written = await writeChain(storage, empty);
  expect((await openBackup(storage, written[1_000]!.directory, { signal: SIGNAL })).manifest).toBeDefined();
  const { error, opened } = await read(storage, written[1_001]!.directory, {});
  expect([opened, error]).toMatchObject([false, { reason: 'ChainDamaged', part: manifestPath(written[1]!.directory) }]);
  expect(error!.message).toContain('a chain has 1001 at most');
});

function withKeys(keys: readonly (KeyWrapper | undefined)[]): SamplePoint[] {
  return pointsOfStates(STATES.slice(0, keys.length)).map((point, at) => ({ ...point, key: keys[at] }));
}

describe('a chain of which one point', () => {
  const [a, b] = [keyNamed('a'), keyNamed('b')];

  it.each([
    ['has another key', [a, b, a], a, 'KeyUnknown'],
    ['is not encrypted', [a, undefined, a], a, 'NotEncrypted'],
    ['alone is encrypted', [undefined, a, undefined], undefined, 'KeyMissing'],
  ])('%s is refused before any record', async (_, keys, key, reason) => {
    const storage = new MemoryStorage();
    const points = await writeChain(storage, withKeys(keys));
    const { error, opened } = await read(storage, points[2]!.directory, { ...(key && { key }) });
    expect([opened, error]).toMatchObject([false, { reason }]);
    expect(error!.message).toContain(manifestPath(points[1]!.directory));
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
    const { error, opened } = await read(storage, full!.directory.replace('000000-a', '000002-a'), {});
    expect(opened).toBe(false);
    expect(error?.message).toMatch(message);
  });
});
