// Run as a process of its own, so that what it holds at most is its own: prints one line of JSON.
import { createHash } from 'node:crypto';
import { createZstdCompress } from 'node:zlib';
import { queueDirectory } from '../manifest/layout.ts';
import { hashOfParts, sealManifest } from '../manifest/manifest-text.ts';
import { FORMAT, FORMAT_VERSIONS } from '../manifest/schema.ts';
import type { Storage } from '../storage/storage.ts';
import { collect } from './collect.fixture.ts';
import { BackupWriter } from './backup-writer.ts';
import { jobsFrom } from './large-jobs.fixture.ts';
import { MemoryStorage } from './memory-storage.fixture.ts';
import { openBackup } from './open-backup.ts';
import { keyNamed, SIGNAL } from './sample-backup.fixture.ts';

const GIB = 1024 ** 3;
const createdAt = new Date('2026-11-29T10:00:00Z');

function peakMib(): number {
  return process.resourceUsage().maxRSS / 1024;
}

/** Writes `count` jobs of about 500 bytes each to nowhere, encrypted. */
async function write(count: number): Promise<object> {
  let stored = 0;
  const storage: Pick<Storage, 'location' | 'put' | 'list'> = {
    location: 'nowhere',
    put: async (_, body) => {
      for await (const { length } of body) stored += length;
    },
    list: () => ({ [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }) }),
  };
  const options = { directory: 'monday', backupId: 'm', key: keyNamed('a'), createdAt, about: {}, signal: SIGNAL };
  const writer = await BackupWriter.create(storage as Storage, options);
  const queue = writer.queue('emails');
  const started = performance.now();
  for (let from = 0; from < count; from += 200) await queue.write(jobsFrom(from, Math.min(count, from + 200)));
  const { bytes, storedBytes, parts } = await queue.close();
  await writer.finish();
  if (stored < storedBytes) throw new Error(`stored ${stored} bytes of ${storedBytes}`);
  return { seconds: (performance.now() - started) / 1_000, bytes, storedBytes, parts };
}

/** Reads a part that inflates to 1 GiB, of which its manifest says that it has 1 MiB. */
async function inflate(): Promise<object> {
  const compress = createZstdCompress();
  const chunks = collect<Buffer>(compress);
  const zeros = Buffer.alloc(1024 ** 2);
  for (let bytes = 0; bytes < GIB; bytes += zeros.length) {
    if (!compress.write(zeros)) await new Promise((resolve) => compress.once('drain', resolve));
  }
  compress.end();
  const bomb = Buffer.concat(await chunks);
  const sha256 = createHash('sha256').update(bomb).digest('hex');
  const part = { records: 1, bytes: 1024 ** 2, storedBytes: bomb.length, sha256 };
  const { text } = sealManifest(
    {
      format: FORMAT,
      formatVersion: FORMAT_VERSIONS.full,
      backupId: 'm',
      createdAt: createdAt.toISOString(),
      about: {},
      queues: [
        {
          name: 'emails',
          directory: queueDirectory('emails'),
          about: {},
          ...part,
          sha256: hashOfParts([part]),
          parts: [part],
        },
      ],
    },
    undefined,
  );
  const storage = new MemoryStorage([
    ['monday/emails/part-00001', bomb],
    ['monday/manifest.json', Buffer.from(text)],
  ]);
  const backup = await openBackup(storage, 'monday', { signal: SIGNAL });
  const before = peakMib();
  const refusal = await backup.verify().catch((error: unknown) => error);
  return { ...(refusal as object), storedBytes: bomb.length, grownMib: peakMib() - before };
}

const [task, count] = process.argv.slice(2);
const result = task === 'write' ? await write(Number(count)) : await inflate();
process.stdout.write(`${JSON.stringify({ ...result, peakMib: peakMib() })}\n`);
