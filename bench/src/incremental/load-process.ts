import { createWriteStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { exponential, seededRandom } from '@redis-queue/simulator';
import { ledgerLine, type LedgerEntry } from './ledger.ts';

// Jobs that come, run, fail, change and go, for `runIncremental`; what is known of each is in a file, as it becomes known.
// Redis may be killed meanwhile: what was under way is done again when it is back.
const { REDIS_URL = '', QUEUE = '', JOBS_PER_SECOND = '200', LEDGER = '', SEED = '1' } = process.env;
/** Of those that are added per second. */
const CHANGED_SHARE = 0.2;
const REMOVED_SHARE = 0.05;
/** Jobs that are changed or removed are some of the last ones. */
const RECENT = 5_000;
const FAILING_SHARE = 0.1;
const DELAYED_SHARE = 0.1;
const LONGEST_DELAY_MS = 20_000;

const random = seededRandom(Number(SEED));
const ledger = createWriteStream(LEDGER);
const note = (...entry: LedgerEntry): void => void ledger.write(ledgerLine(entry));
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
connection.on('error', () => {});
const queue = new Queue<Data>(QUEUE, { connection, skipMetasUpdate: true });
queue.on('error', () => {});

interface Data {
  version: number;
}

/** Ids of the last jobs, and the version that each has; those that nobody works on here. */
const versions = new Map<string, number>();

function remember(id: string, version: number): void {
  versions.set(id, version);
  const oldest = versions.size > RECENT ? versions.keys().next().value : undefined;
  if (oldest !== undefined) versions.delete(oldest);
}

/** One of the last jobs, which nobody else here changes until it is remembered again. */
function takeRecent(): [id: string, version: number] | undefined {
  const ids = [...versions.keys()];
  const id = ids[Math.floor(random() * ids.length)];
  if (id === undefined) return undefined;
  const version = versions.get(id)!;
  versions.delete(id);
  return [id, version];
}

let added = 0;
async function add(): Promise<void> {
  const id = `load-${added++}`;
  const delayed = random() < DELAYED_SHARE && { delay: Math.ceil(random() * LONGEST_DELAY_MS) };
  const urgent = random() < DELAYED_SHARE && { priority: 1 + Math.floor(random() * 5) };
  await queue.add('job', { version: 1 }, { jobId: id, attempts: 3, ...delayed, ...urgent });
  note('added', id, Date.now());
  remember(id, 1);
}

async function change(): Promise<void> {
  const [id, version] = takeRecent() ?? [];
  if (id === undefined || version === undefined) return;
  const job = (await queue.getJob(id)) as Job<Data> | undefined;
  if (!job) throw new Error(`job ${id} is gone, which nobody removed`);
  const sentMs = Date.now();
  await job.updateData({ version: version + 1 });
  note('changed', id, version + 1, sentMs, Date.now());
  remember(id, version + 1);
}

async function remove(): Promise<void> {
  const [id] = takeRecent() ?? [];
  if (id === undefined) return;
  note('removed', id, Date.now());
  await queue.remove(id);
}

/** Does it so often, at random times, whether or not those before have come to their end. */
async function repeat(perSecond: number, run: () => Promise<void>): Promise<void> {
  let dueMs = performance.now();
  for (;;) {
    dueMs += exponential(1_000 / perSecond)(random);
    await sleep(Math.max(0, dueMs - performance.now()));
    // A job that is locked is not removed: the ledger says that it may be gone.
    run().catch((error: unknown) => console.error(String(error)));
  }
}

const worker = new Worker<Data>(
  QUEUE,
  async (job) => {
    if (random() < 0.05) await job.log(`attempt ${job.attemptsMade}`);
    if (random() < 0.05) await job.updateProgress(50);
    if (random() < FAILING_SHARE) throw new Error('again');
    return { of: job.id };
  },
  { connection, concurrency: 20 },
);
worker.on('error', () => {});
worker.on('completed', ({ id }) => {
  // Those that were there before are in no ledger.
  if (id?.startsWith('load-')) note('ended', id, Date.now());
});
await worker.waitUntilReady();
console.log('loaded');
const perSecond = Number(JOBS_PER_SECOND);
await Promise.all([
  repeat(perSecond, add),
  repeat(perSecond * CHANGED_SHARE, change),
  repeat(perSecond * REMOVED_SHARE, remove),
]);
