import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyWrapper } from '../encryption/key-wrapper.ts';
import { BackupDamagedError, type DamageReason } from '../errors/backup-damaged-error.ts';
import { manifestPath, partPath } from '../manifest/layout.ts';
import type { JsonRecord } from '../parts/lines.ts';
import { MemoryStorage } from './memory-storage.fixture.ts';
import { openBackup } from './open-backup.ts';
import { keyNamed, SIGNAL } from './sample-backup.fixture.ts';
import {
  pointsOfStates,
  readUntilRefused,
  STATES,
  writeChain,
  type QueueState,
  type SamplePoint,
  type WrittenPoint,
} from './sample-chain.fixture.ts';

/** Other jobs of the same ids. */
function changedStates(state: QueueState): QueueState {
  return Object.fromEntries(Object.entries(state).map(([id, version]) => [id, version + 4]));
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
    records = (await readUntilRefused(whole, newest, options)).given;
  });

  async function refusalOf(change: (storage: MemoryStorage) => unknown) {
    const storage = whole.copy();
    change(storage);
    const { given, error, opened } = await readUntilRefused(storage, newest, options);
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
    const reading = await readUntilRefused(whole, newest, { ...options, manifestSha256: points[3]!.sha256 });
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
        const { error, opened } = await readUntilRefused(storage, newest, options);
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
});

it('a chain that is longer than any is refused before any record', async () => {
  const storage = new MemoryStorage();
  const empty: SamplePoint[] = Array.from({ length: 1_002 }, () => ({ queues: {} }));
  const written = await writeChain(storage, empty);
  expect((await openBackup(storage, written[1_000]!.directory, { signal: SIGNAL })).manifest).toBeDefined();
  const { error, opened } = await readUntilRefused(storage, written[1_001]!.directory, {});
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
    const { error, opened } = await readUntilRefused(storage, points[2]!.directory, { ...(key && { key }) });
    expect([opened, error]).toMatchObject([false, { reason }]);
    expect(error!.message).toContain(manifestPath(points[1]!.directory));
  });
});
