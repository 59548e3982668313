import { createHash } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of the files below `folder`, relative to it and sorted by their bytes. */
export function filesIn(folder: string): string[] {
  return globSync('**/*', { cwd: folder })
    .filter((path) => statSync(join(folder, path)).isFile())
    .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

export function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** The text of SHA256SUMS as `sha256sum -c` reads it. */
export function checksums(folder: string, files: readonly string[]): string {
  return files.map((file) => `${sha256(join(folder, file))}  ${file}\n`).join('');
}
