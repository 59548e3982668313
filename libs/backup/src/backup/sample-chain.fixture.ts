import type { KeyWrapper } from '../encryption/key-wrapper.ts';
import { pointFolder } from '../manifest/layout.ts';
import type { PreviousPoint } from '../manifest/schema.ts';
import type { JsonRecord } from '../parts/lines.ts';
import type { Storage } from '../storage/storage.ts';
import { BackupWriter, type FinishedBackup } from './backup-writer.ts';
import { openBackup, type OpenBackup } from './open-backup.ts';
import type { OpenOptions } from './read-chain.ts';
import { SIGNAL } from './sample-backup.fixture.ts';

/** A queue at one time: the version of each job, by id. */
export type QueueState = Readonly<Record<string, number>>;

/** One point of a sample chain. */
export interface SamplePoint {
  readonly queues: Readonly<Record<string, readonly JsonRecord[]>>;
  readonly key?: KeyWrapper | undefined;
  readonly previous?: PreviousPoint;
}

export interface WrittenPoint extends FinishedBackup {
  readonly directory: string;
}

/** What a snapshot has of a queue: in full, or in an increment with the jobs that changed since `before`. */
export function recordsOfState(state: QueueState, before?: QueueState): JsonRecord[] {
  const ids = Object.keys(state);
  const changed = ids.filter((id) => state[id] !== before?.[id]);
  return [
    {
      kind: 'queue',
      prefix: 'bull',
      name: 'emails',
      meta: { version: 'bullmq:6.7.0' },
      snapshotAt: 1,
      consistent: true,
    },
    ...changed.map((id) => jobRecord(id, state[id]!)),
    { kind: 'index', state: 'waiting', entries: ids.map((id) => [id]) },
    { kind: 'scheduler', id: 'nightly', nextMs: ids.length, hash: {} },
    {
      kind: 'end',
      jobs: ids.length,
      counts: { waiting: ids.length },
      gone: 0,
      ...(before && { changed: changed.length }),
    },
  ];
}

export function jobRecord(id: string, version: number): JsonRecord {
  return { kind: 'job', id, hash: { name: 'send', data: JSON.stringify({ id, version }) } };
}

/** The points of states of one queue, each with what changed since the one before. */
export function pointsOfStates(states: readonly QueueState[], name = 'emails'): SamplePoint[] {
  return states.map((state, at) => ({ queues: { [name]: recordsOfState(state, states[at - 1]) } }));
}

/** Writes points as a chain: the first one in full, each other one as an increment since the one before it. */
export async function writeChain(
  storage: Storage,
  points: readonly SamplePoint[],
  { chain = 'shop/c00001', key }: { readonly chain?: string; readonly key?: KeyWrapper | undefined } = {},
): Promise<WrittenPoint[]> {
  const written: WrittenPoint[] = [];
  for (const [at, point] of points.entries()) {
    const before = written.at(-1);
    const folder = pointFolder(at, 'a');
    const directory = `${chain}/${folder}`;
    const previous = point.previous ?? (before && previousOf(before));
    const pointKey = point.key ?? key;
    const writer = await BackupWriter.create(storage, {
      directory,
      backupId: `${chain.replaceAll('/', '.')}.${at}`,
      ...(pointKey && { key: pointKey }),
      ...(previous && { previous }),
      createdAt: new Date(Date.UTC(2026, 10, 29, 10, at)),
      about: {},
      signal: SIGNAL,
      partBytes: 1_024,
    });
    for (const [name, records] of Object.entries(point.queues)) {
      const queue = writer.queue(name);
      await queue.write(records);
      await queue.close();
    }
    written.push({ directory, ...(await writer.finish()) });
  }
  return written;
}

/** As the point after it names it. */
export function previousOf({ directory, manifest, sha256 }: WrittenPoint): PreviousPoint {
  return {
    directory: directory.slice(directory.lastIndexOf('/') + 1),
    backupId: manifest.backupId,
    manifestSha256: sha256,
  };
}

/** All records of a queue, in the order in which they are given out. */
export async function readAll(backup: OpenBackup, queue: string, fromStep = 1): Promise<JsonRecord[]> {
  const all: JsonRecord[] = [];
  for await (const { records } of backup.records(queue, { fromStep })) all.push(...records);
  return all;
}

/** Opens a point and reads one queue of it. */
export async function readPoint(
  storage: Storage,
  { directory, sha256 }: WrittenPoint,
  options: Partial<OpenOptions> = {},
  queue = 'emails',
): Promise<JsonRecord[]> {
  return readAll(await openBackup(storage, directory, { signal: SIGNAL, manifestSha256: sha256, ...options }), queue);
}

/** Records in an order that does not depend on that of jobs, of which only the others rely on theirs. */
export function settled(records: readonly JsonRecord[]): JsonRecord[] {
  const jobs = records.filter(({ kind }) => kind === 'job');
  const byId = jobs.toSorted((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1));
  return [...records.filter(({ kind }) => kind !== 'job'), ...byId];
}

/** Of each job some versions, so that every point has parts that the newest one needs. */
export const STATES: QueueState[] = [0, 1, 2, 3].map((point) =>
  Object.fromEntries(Array.from({ length: 80 }, (_, id) => [`job-${id}`, Math.min(point, id % 4)])),
);

/** What a reader gets of a backup before it is refused. */
export interface Reading {
  readonly given: readonly JsonRecord[];
  readonly error: (Error & { readonly reason?: string; readonly part?: string }) | undefined;
  readonly opened: boolean;
}

/** Opens a point and reads its queue `emails` until it is refused. */
export async function readUntilRefused(
  storage: Storage,
  directory: string,
  options: Partial<OpenOptions>,
): Promise<Reading> {
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
