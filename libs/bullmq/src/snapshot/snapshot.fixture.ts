import type { Redis } from 'ioredis';
import type { QueueRef } from '../redis/keys.ts';
import type { IndexEntry, QueueRecord, RecordOf, State } from './records.ts';
import { snapshotQueue, type SnapshotOptions } from './snapshot-queue.ts';

/** What a snapshot holds, read as a restore does: of what comes twice, the later one. */
export interface Held {
  readonly queue: RecordOf<'queue'>;
  readonly jobs: ReadonlyMap<string, RecordOf<'job'>>;
  readonly states: ReadonlyMap<string, { readonly state: State; readonly entry: IndexEntry }>;
  readonly schedulers: ReadonlyMap<string, RecordOf<'scheduler'>>;
  readonly deduplications: ReadonlyMap<string, RecordOf<'deduplication'>>;
  readonly end: RecordOf<'end'>;
}

export async function takeSnapshot(
  redis: Redis,
  queue: QueueRef,
  options: Partial<SnapshotOptions> = {},
): Promise<Held> {
  return heldOf(await readRecords(redis, queue, options));
}

export async function readRecords(
  redis: Redis,
  queue: QueueRef,
  options: Partial<SnapshotOptions>,
): Promise<QueueRecord[]> {
  const all: QueueRecord[] = [];
  const signal = new AbortController().signal;
  for await (const records of snapshotQueue(redis, queue, { signal, ...options })) all.push(...records);
  return all;
}

export function heldOf(all: readonly QueueRecord[]): Held {
  const of = <Kind extends QueueRecord['kind']>(kind: Kind): RecordOf<Kind>[] =>
    all.filter((record): record is RecordOf<Kind> => record.kind === kind);
  const states: Held['states'] = new Map(
    of('index').flatMap(({ state, entries }) => entries.map((entry) => [entry[0], { state, entry }])),
  );
  const [[queueRecord], [end]] = [of('queue'), of('end')];
  if (all[0] !== queueRecord || all.at(-1) !== end)
    throw new Error('a snapshot begins with its queue and ends with its end');
  return {
    queue: queueRecord!,
    jobs: byId(of('job')),
    states,
    schedulers: byId(of('scheduler')),
    deduplications: byId(of('deduplication')),
    end: end!,
  };
}

/** Ids of a state, in the order in which the snapshot has them. */
export function idsOf(held: Held, state: State): string[] {
  return [...held.states].filter(([, each]) => each.state === state).map(([id]) => id);
}

function byId<R extends { readonly id: string }>(records: readonly R[]): Map<string, R> {
  return new Map(records.map((record) => [record.id, record]));
}
