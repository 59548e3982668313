import type { Manifest } from '../manifest/schema.ts';

/** Columns of a list; the last one, which is the longest, has no width. */
const WIDTHS = [24, 6, 10, 10, 26];

export const LIST_HEAD = row(['CREATED', 'QUEUES', 'RECORDS', 'STORED', 'KEY', 'DIRECTORY']);

/** One line of a list of backups. */
export function backupLine(directory: string, manifest: Manifest): string {
  const { queues, records, storedBytes } = totalsOf(manifest);
  const key = manifest.encryption?.keyId ?? 'none';
  return row([manifest.createdAt, String(queues), String(records), sizeText(storedBytes), key, directory]);
}

/** What can be said of a backup that was read to its end. */
export function verifiedText(directory: string, manifest: Manifest, manifestSha256: string): string {
  const { queues, parts, records, storedBytes } = totalsOf(manifest);
  const who = manifest.encryption
    ? `Encrypted with key ${manifest.encryption.keyId}, and written by somebody who has it.`
    : 'Not encrypted: whoever can write to the storage can have written it. Compare the hash.';
  return [
    `✔ ${directory}: ${queues} queues, ${records} records, ${parts} parts, ${sizeText(storedBytes)}, as written`,
    `  ${who}`,
    `  SHA-256 of the manifest: ${manifestSha256}`,
    '',
  ].join('\n');
}

function totalsOf({ queues }: Manifest) {
  const sum = (field: 'records' | 'storedBytes'): number => queues.reduce((total, queue) => total + queue[field], 0);
  const parts = queues.reduce((total, queue) => total + queue.parts.length, 0);
  return { queues: queues.length, parts, records: sum('records'), storedBytes: sum('storedBytes') };
}

function sizeText(bytes: number): string {
  const [divisor, unit] =
    bytes < 1024 ** 2 ? [1024, 'KiB'] : bytes < 1024 ** 3 ? [1024 ** 2, 'MiB'] : [1024 ** 3, 'GiB'];
  return `${(bytes / divisor).toFixed(1)} ${unit}`;
}

function row(cells: readonly string[]): string {
  return `${cells.map((cell, column) => cell.padEnd(WIDTHS[column] ?? 0)).join('  ')}\n`;
}
