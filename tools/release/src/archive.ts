import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

export interface ArchiveOptions {
  /** Every entry's time, s since 1970. */
  epochSeconds: number;
  /** Whether the archive is compressed. */
  gzip: boolean;
}

/** Independent of the files' owner, umask and times: entries by name, owned by root, readable by all. */
const NORMAL = [
  '--format=ustar',
  '--sort=name',
  '--owner=0',
  '--group=0',
  '--numeric-owner',
  '--mode=u+rwX,go+rX,go-w',
];

/** Archives `entries` of a folder so that equal contents give equal bytes. */
export function writeArchive(file: string, folder: string, entries: readonly string[], options: ArchiveOptions): void {
  const { epochSeconds, gzip } = options;
  const create = ['--create', `--file=${file}`, `--directory=${folder}`, `--mtime=@${epochSeconds}`];
  execFileSync('tar', [...create, ...NORMAL, ...entries], { env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } });
  // Node's gzip writes no time and no name into its header; tar's would.
  if (gzip) writeFileSync(file, gzipSync(readFileSync(file), { level: 9 }));
}

/** Unpacks an archive, compressed or not. */
export function unpackArchive(file: string, folder: string): void {
  execFileSync('tar', ['--extract', `--file=${file}`, `--directory=${folder}`, '--no-same-owner']);
}
