#!/usr/bin/env node
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { kmsKey } from '../encryption/kms-key.ts';
import { openStorage } from '../storage/open-storage.ts';
import { parseStorageUrl } from '../storage/storage-url.ts';
import { UsageError } from './arguments.ts';
import { runCommand } from './run-command.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
// Whoever reads the output may have had enough of it, as `head` does.
process.stdout.on('error', () => interrupted.abort());

process.exitCode = await runCommand(process.argv.slice(2), {
  openStorage: (url) => openStorage(specOf(url), {}, { defaultCredentialChain: true }),
  kmsKey: (spec, namespace) => kmsKey(spec, { credentials: {}, defaultCredentialChain: true, namespace }),
  readFile: (path) => readFile(path, 'utf8'),
  write: async (output) => {
    if (!process.stdout.write(output)) await once(process.stdout, 'drain', { signal: interrupted.signal });
  },
  warn: (line) => process.stderr.write(`${line}\n`),
  signal: interrupted.signal,
});

function specOf(url: string): ReturnType<typeof parseStorageUrl> {
  try {
    return parseStorageUrl(url);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
