import type { ChainTotals } from '../backup/open-backup.ts';
import { FORMAT_VERSIONS, type Manifest } from '../manifest/schema.ts';

/** Columns of a list; the last one, which is the longest, has no width. */
const WIDTHS = [24, 9, 6, 10, 10, 26];

export const LIST_HEAD = row(['CREATED', 'KIND', 'QUEUES', 'RECORDS', 'STORED', 'KEY', 'DIRECTORY']);

/** One line of a list of backups; of a chain each point has one, with what it has itself. */
export function backupLine(directory: string, manifest: Manifest): string {
  const { createdAt, formatVersion, encryption, queues } = manifest;
  const sum = (field: 'records' | 'storedBytes'): number => queues.reduce((total, queue) => total + queue[field], 0);
  const kind = formatVersion === FORMAT_VERSIONS.increment ? 'increment' : 'full';
  const counts = [String(queues.length), String(sum('records')), sizeText(sum('storedBytes'))];
  return row([createdAt, kind, ...counts, encryption?.keyId ?? 'none', directory]);
}

/** What can be said of a backup that was read to its end. */
export function verifiedText(
  directory: string,
  { manifest, manifestSha256 }: { readonly manifest: Manifest; readonly manifestSha256: string },
  { points, parts, records, storedBytes }: ChainTotals,
): string {
  const chain = points > 1 ? `a chain of ${points} points with ` : '';
  const who = manifest.encryption
    ? `Encrypted with key ${manifest.encryption.keyId}, and written by somebody who has it.`
    : 'Not encrypted: whoever can write to the storage can have written it. Compare the hash.';
  return [
    `✔ ${directory}: ${manifest.queues.length} queues, ${chain}${records} records, ${parts} parts, ${sizeText(storedBytes)}, as written`,
    `  ${who}`,
    `  SHA-256 of the manifest: ${manifestSha256}`,
    '',
  ].join('\n');
}

function sizeText(bytes: number): string {
  const [divisor, unit] =
    bytes < 1024 ** 2 ? [1024, 'KiB'] : bytes < 1024 ** 3 ? [1024 ** 2, 'MiB'] : [1024 ** 3, 'GiB'];
  return `${(bytes / divisor).toFixed(1)} ${unit}`;
}

function row(cells: readonly string[]): string {
  return `${cells.map((cell, column) => cell.padEnd(WIDTHS[column] ?? 0)).join('  ')}\n`;
}
