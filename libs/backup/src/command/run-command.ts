import { listBackups } from '../backup/list-backups.ts';
import { openBackup, type OpenBackup } from '../backup/open-backup.ts';
import type { KmsSpec } from '../encryption/kms-client.ts';
import { secretKeys } from '../encryption/secret-keys.ts';
import type { KeyWrapper } from '../encryption/key-wrapper.ts';
import { BackupKeyError } from '../errors/backup-key-error.ts';
import type { Storage } from '../storage/storage.ts';
import { parseArguments, USAGE, UsageError, type Arguments } from './arguments.ts';
import { EXIT_STATUS, exitStatusOf } from './exit-status.ts';
import { backupLine, LIST_HEAD, verifiedText } from './texts.ts';

/** What the command reads from and writes to. */
export interface CommandContext {
  /** @param url as the user gave it. */
  openStorage(url: string): Promise<Storage>;
  readFile(path: string): Promise<string>;
  /** A key in AWS KMS, with the user's credentials, for backups of a namespace. */
  kmsKey(spec: KmsSpec, namespace: string): Promise<KeyWrapper>;
  /** Settles when more may be written. */
  write(output: string | Uint8Array): Promise<void>;
  /** For people: what went wrong. */
  warn(line: string): void;
  readonly signal: AbortSignal;
}

/** Runs one command line. @returns the exit status. */
export async function runCommand(argv: readonly string[], context: CommandContext): Promise<number> {
  try {
    const options = parseArguments(argv);
    if (options === 'help') {
      await context.write(USAGE);
      return EXIT_STATUS.done;
    }
    const storage = await context.openStorage(options.storage);
    try {
      return await run(options, storage, context);
    } finally {
      storage.close();
    }
  } catch (error) {
    if (context.signal.aborted) return EXIT_STATUS.interrupted;
    context.warn(`✘ ${error instanceof Error ? error.message : String(error)}`);
    if (error instanceof UsageError) context.warn('  redis-queue-backup --help says more');
    return exitStatusOf(error);
  }
}

async function run(options: Arguments, storage: Storage, context: CommandContext): Promise<number> {
  if (options.command === 'list') return list(options, storage, context);
  const { directory, manifestSha256, queues } = options;
  const key = await keyOf(options, context);
  const backup = await openBackup(storage, directory, {
    ...(key && { key }),
    ...(manifestSha256 !== undefined && { manifestSha256 }),
    signal: context.signal,
  });
  if (options.command === 'export') await exportRecords(backup, queues, context);
  else await verify(backup, directory, context);
  return EXIT_STATUS.done;
}

async function list({ directory }: Arguments, storage: Storage, context: CommandContext): Promise<number> {
  let status: number = EXIT_STATUS.done;
  await context.write(LIST_HEAD);
  for await (const { directory: place, found } of listBackups(storage, directory, { signal: context.signal })) {
    if (found instanceof Error) {
      context.warn(`✘ ${found.message}`);
      status = exitStatusOf(found);
    } else {
      await context.write(backupLine(place, found));
    }
  }
  return status;
}

async function verify(backup: OpenBackup, directory: string, context: CommandContext): Promise<void> {
  const totals = await backup.verify();
  await context.write(verifiedText(directory, backup, totals));
}

async function exportRecords(backup: OpenBackup, chosen: readonly string[], context: CommandContext): Promise<void> {
  const names = backup.manifest.queues.map(({ name }) => name);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`--queue ${unknown}: the backup has ${names.join(', ') || 'none'}`);
  for (const name of names.filter((each) => chosen.length === 0 || chosen.includes(each)))
    for await (const lines of backup.lines(name)) await context.write(lines);
}

async function keyOf({ keyFile, kms }: Arguments, context: CommandContext): Promise<KeyWrapper | undefined> {
  if (kms) return context.kmsKey(kms.spec, kms.namespace);
  if (keyFile === undefined) return undefined;
  const text = await context.readFile(keyFile).catch((error: unknown) => {
    throw new BackupKeyError(
      'KeyInvalid',
      `the key file ${keyFile} cannot be read: ${(error as Error).message}`,
      error,
    );
  });
  return secretKeys(text);
}
