import type { IndexEntry, QueueRecord, State } from '@redis-queue/bullmq';

export interface SyntheticQueue {
  readonly prefix: string;
  readonly name: string;
}

const STATES: readonly State[] = ['waiting', 'delayed', 'prioritized', 'completed', 'failed'];
const ENTRIES = 1_000;
const HOUR = 3_600_000;

/** What a backup has of a queue of `jobs` jobs with 200 bytes of data, in five states, a thousand records at a time. */
export function* backupRecords(
  { prefix, name }: SyntheticQueue,
  jobs: number,
  nowMs: number,
): Generator<QueueRecord[]> {
  const states = STATES.map((state, at) => [state, idsOf(jobs, at)] as const);
  yield [
    {
      kind: 'queue',
      prefix,
      name,
      snapshotAt: nowMs,
      consistent: true,
      meta: { version: 'bullmq:6.7.0', 'opts.maxLenEvents': '10000' },
      lastId: String(jobs),
      priorityCounter: String(jobs),
    },
  ];
  for (const [state, ids] of states)
    for (let from = 0; from < ids.length; from += ENTRIES)
      yield [{ kind: 'index', state, entries: ids.slice(from, from + ENTRIES).map((id) => entryOf(state, id, nowMs)) }];
  const data = JSON.stringify({ text: 'x'.repeat(189) });
  for (const [state, ids] of states)
    for (let from = 0; from < ids.length; from += ENTRIES)
      yield ids.slice(from, from + ENTRIES).map((id) => jobOf(state, id, data, nowMs));
  const counts = Object.fromEntries(states.map(([state, ids]) => [state, ids.length])) as Record<State, number>;
  yield [{ kind: 'end', jobs, counts, gone: 0 }];
}

function idsOf(jobs: number, at: number): number[] {
  return Array.from({ length: jobs }, (_, n) => n + 1).filter((id) => id % STATES.length === at);
}

function entryOf(state: State, id: number, nowMs: number): IndexEntry {
  if (state === 'waiting') return [String(id)];
  if (state === 'delayed') return [String(id), (nowMs + HOUR + id) * 4_096];
  return [String(id), state === 'prioritized' ? (1 + (id % 10)) * 2 ** 32 + id : nowMs - id];
}

function jobOf(state: State, id: number, data: string, nowMs: number): QueueRecord {
  const isOver = state === 'completed' || state === 'failed';
  return {
    kind: 'job',
    id: String(id),
    hash: {
      name: 'job',
      data,
      opts: '{"attempts":3}',
      timestamp: String(nowMs - HOUR),
      delay: state === 'delayed' ? String(2 * HOUR) : '0',
      priority: state === 'prioritized' ? String(1 + (id % 10)) : '0',
      ...(isOver && { processedOn: String(nowMs - id), finishedOn: String(nowMs - id), ats: '1', atm: '1' }),
      ...(state === 'completed' && { returnvalue: 'null' }),
      ...(state === 'failed' && { failedReason: 'so it is', stacktrace: '["Error: so it is"]' }),
    },
  };
}
