import { lstat } from 'node:fs/promises';
import type { Dir, Dirent } from 'node:fs';
import { isPath } from './object-path.ts';
import type { VolumeDirectory } from './volume-directory.ts';
import { orMissing, type VolumeOperation } from './volume-errors.ts';
import { step, type StepLimits } from './volume-steps.ts';

/** Directories within directories; what lies deeper is none of ours. */
const MAX_DEPTH = 32;

/**
 * The files in `directory` and below whose path begins with `prefix`, as they come; neither symlinks nor what is not
 * finished. Closes the directory.
 *
 * @param path of the directory, with a slash at its end unless it is empty.
 */
export async function* listFiles(
  directory: VolumeDirectory,
  path: string,
  prefix: string,
  about: VolumeOperation & StepLimits,
  depth = 0,
): AsyncGenerator<{ path: string; bytes: number }, void> {
  let entries: Dir | undefined;
  try {
    entries = await step(
      () => directory.entries(),
      about,
      (late) => late.close(),
    );
    for (;;) {
      const entry = await step(() => entries!.read(), about);
      if (entry === null) return;
      const found = `${path}${entry.name}`;
      if (!isPath(found) || !mayHold(found, prefix, entry)) continue;
      if (entry.isDirectory() && depth < MAX_DEPTH) {
        const inner = await step(
          () => orMissing(directory.enter(entry.name)),
          about,
          async (late) => late?.close(),
        );
        if (inner) yield* listFiles(inner, `${found}/`, prefix, about, depth + 1);
      } else if (entry.isFile()) {
        const stat = await step(() => orMissing(lstat(directory.at(entry.name))), about);
        if (stat) yield { path: found, bytes: stat.size };
      }
    }
  } finally {
    void entries?.close().catch(() => undefined);
    void directory.close().catch(() => undefined);
  }
}

function mayHold(found: string, prefix: string, entry: Dirent): boolean {
  return found.startsWith(prefix) || (entry.isDirectory() && prefix.startsWith(`${found}/`));
}
