// Run as a process of its own, so that what it holds at most is its own: prints one line of JSON.
//   write DIRECTORY POINTS JOBS CHANGED   a chain on a volume, of which each increment has CHANGED of the JOBS
//   read DIRECTORY POINTS                 opens the newest point and reads it as a restore does
//   verify DIRECTORY POINTS
import { chainFolder, pointFolder } from '../manifest/layout.ts';
import type { PreviousPoint } from '../manifest/schema.ts';
import type { JsonRecord } from '../parts/lines.ts';
import { openStorage } from '../storage/open-storage.ts';
import type { Storage } from '../storage/storage.ts';
import { BackupWriter } from './backup-writer.ts';
import { jobsFrom } from './large-jobs.fixture.ts';
import { openBackup } from './open-backup.ts';
import { keyNamed, SIGNAL } from './sample-backup.fixture.ts';

const key = keyNamed('a');
/** Records per call of the writer, and entries per index record. */
const BATCH = 200;
const ENTRIES = 1_000;

const directoryOf = (point: number): string => `${chainFolder(1)}/${pointFolder(point, 'a')}`;

async function writeChain(storage: Storage, points: number, jobs: number, changed: number): Promise<object> {
  let previous: PreviousPoint | undefined;
  let storedBytes = 0;
  for (let point = 0; point < points; point += 1) {
    const directory = directoryOf(point);
    const about = { createdAt: new Date(), about: {}, signal: SIGNAL };
    const backupId = `b${point}`;
    const writer = await BackupWriter.create(storage, {
      directory,
      backupId,
      key,
      ...(previous && { previous }),
      ...about,
    });
    const queue = writer.queue('emails');
    await queue.write([{ kind: 'queue' }]);
    const count = point === 0 ? jobs : changed;
    // In turn, but for a tenth that never changes: all points are read, down to the full one.
    const changing = point === 0 ? jobs : Math.floor(jobs * 0.9);
    const first = point === 0 ? 0 : ((point - 1) * changed) % changing;
    for (let from = first; from < first + count; from += BATCH)
      await queue.write(
        jobsFrom(from, Math.min(from + BATCH, first + count), point).map((job) => within(job, changing)),
      );
    for (let from = 0; from < jobs; from += ENTRIES) {
      const ids = Array.from({ length: Math.min(ENTRIES, jobs - from) }, (_, at) => [String(from + at)]);
      await queue.write([{ kind: 'index', state: 'waiting', entries: ids } as { kind: string }]);
    }
    await queue.write([{ kind: 'end', jobs, counts: { waiting: jobs }, gone: 0 } as { kind: string }]);
    storedBytes += (await queue.close()).storedBytes;
    const { manifest, sha256 } = await writer.finish();
    previous = { directory: pointFolder(point, 'a'), backupId: manifest.backupId, manifestSha256: sha256 };
  }
  return { storedBytes };
}

function within(job: JsonRecord, count: number): JsonRecord {
  return { ...job, id: String(Number(job['id']) % count) };
}

async function readChain(storage: Storage, points: number): Promise<object> {
  const started = performance.now();
  const backup = await openBackup(storage, directoryOf(points - 1), { key, signal: SIGNAL });
  const openSeconds = (performance.now() - started) / 1_000;
  let jobs = 0;
  let steps = 0;
  for await (const { step, records } of backup.records('emails')) {
    steps = step;
    jobs += records.filter(({ kind }) => kind === 'job').length;
  }
  return { openSeconds, jobs, steps };
}

async function verifyChain(storage: Storage, points: number): Promise<object> {
  const backup = await openBackup(storage, directoryOf(points - 1), { key, signal: SIGNAL });
  return backup.verify();
}

const [task, root = '', ...numbers] = process.argv.slice(2);
const [points = 1, jobs = 1, changed = 1] = numbers.map(Number);
const storage = await openStorage({ volume: { root } }, {});
const started = performance.now();
const run = {
  write: () => writeChain(storage, points, jobs, changed),
  read: () => readChain(storage, points),
  verify: () => verifyChain(storage, points),
};
const result = await run[task as keyof typeof run]();
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
const seconds = (performance.now() - started) / 1_000;
const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
process.stdout.write(`${JSON.stringify({ ...result, seconds, cpuSeconds, peakMib: maxRSS / 1024 })}\n`);
