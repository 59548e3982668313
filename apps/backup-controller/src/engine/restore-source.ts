import { LONGEST_LEFT_OUT_TEXT, MOST_QUEUES, queueLeftOutSchema } from '@redis-queue/api';
import { BackupDamagedError, openBackup, type OpenBackup, type Storage } from '@redis-queue/backup';
import type { OpenFlows } from '@redis-queue/bullmq';
import { clipText } from '@redis-queue/controller';
import { z } from 'zod';
import type { OpenKey } from '../access/storage-access.ts';
import { RunFailure } from '../runs/failure.ts';
import type { RunContext } from '../runs/runs.ts';
import { sourceOf } from './check-queue.ts';
import { renamesOf, type QueueMove } from './moves.ts';
import type { RunProgress } from './progress.ts';
import type { QueueTarget } from './targets.ts';

export interface SourceOptions extends RunContext<RunProgress> {
  readonly storage: Storage;
  readonly directory: string;
  /** What the manifest has to be; absent: nobody knows. */
  readonly manifestSha256?: string | undefined;
  /** Absent: the backup is not encrypted. */
  readonly openKey?: OpenKey | undefined;
  /**
   * Where the queues of these names in the backup go.
   *
   * @param leftOut those that it was to have and does not have.
   * @throws RunFailure when one of them cannot.
   */
  readonly targetsOf: (names: readonly string[], leftOut: readonly LeftOutOfBackup[]) => readonly QueueTarget[];
  readonly openFlows: OpenFlows;
  readonly nowMs: () => number;
}

/** A backup whose manifest is as it was written, and what is restored of it. */
export interface OpenedSource {
  readonly backup: OpenBackup;
  readonly moves: readonly QueueMove[];
  readonly location: string;
  /** Queues that the backup was to have and does not have. */
  readonly leftOut: readonly LeftOutOfBackup[];
}

/** With where each queue comes from, as the backup says, and where it goes. */
export async function openSource({
  storage,
  directory,
  openKey,
  manifestSha256,
  signal,
  targetsOf,
}: SourceOptions): Promise<OpenedSource> {
  const key = await openKey?.();
  const backup = await openBackup(storage, directory, {
    signal,
    ...(key && { key }),
    ...(manifestSha256 !== undefined && { manifestSha256 }),
  }).catch((error: unknown) => {
    // Of an older point of a chain that is damage, of the folder itself that there is no backup.
    if (!(error instanceof BackupDamagedError && error.reason === 'ManifestMissing' && isOf(directory, error)))
      throw error;
    const message = `${error.message}; \`redis-queue-backup list\` shows the folders that hold one`;
    throw new RunFailure({ reason: 'BackupNotFound', message }, error);
  });
  const leftOut = leftOutOf(backup.manifest.about);
  const targets = targetsOf(
    backup.manifest.queues.map(({ name }) => name),
    leftOut,
  );
  const moves: Omit<QueueMove, 'rename'>[] = [];
  // oxlint-disable-next-line no-await-in-loop -- a part of each in memory at a time
  for (const target of targets) moves.push({ ...target, ...(await sourceOf(backup, target.name)) });
  return { backup, moves: renamesOf(moves), location: `${directory} in ${storage.location}`, leftOut };
}

/** A queue that could not be read when the backup was taken, as its manifest says. */
const leftOutSchema = queueLeftOutSchema.omit({ since: true });
export type LeftOutOfBackup = z.infer<typeof leftOutSchema>;

/** Whoever has written the manifest: what does not have the form says nothing. */
function leftOutOf({ leftOut }: OpenBackup['manifest']['about']): LeftOutOfBackup[] {
  const { success, data = [] } = z
    .array(leftOutSchema)
    .max(2 * MOST_QUEUES)
    .safeParse(leftOut);
  if (!success) return [];
  return data.map(({ message, ...each }) => ({ ...each, message: clipText(message, LONGEST_LEFT_OUT_TEXT) }));
}

function isOf(directory: string, { part }: BackupDamagedError): boolean {
  return part.startsWith(`${directory}/`) && !part.slice(directory.length + 1).includes('/');
}
