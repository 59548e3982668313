import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { helmPath } from '@redis-queue/rig';
import { unpackArchive, writeArchive } from './archive.ts';
import type { Source } from './source.ts';

/**
 * Packages every chart that can be installed. Helm checks them and writes their dependencies out; the archives are then
 * written again, since Helm stamps its own with the time of the day.
 */
export function packageCharts(source: Source, folder: string, scratch: string): void {
  const { workspaceRoot, epochSeconds } = source;
  const packed = join(scratch, 'packed');
  mkdirSync(packed, { recursive: true });
  for (const chart of installableCharts(workspaceRoot)) {
    execFileSync(helmPath(), ['package', join(workspaceRoot, 'charts', chart), `--destination=${packed}`], {
      // links in charts/ are followed, and said so
      stdio: ['ignore', 'ignore', 'ignore'],
    });
  }
  mkdirSync(folder, { recursive: true });
  for (const archive of globSync(join(packed, '*.tgz')).toSorted()) {
    const unpacked = join(scratch, `unpacked-${basename(archive, '.tgz')}`);
    mkdirSync(unpacked);
    unpackArchive(archive, unpacked);
    const entries = globSync('*', { cwd: unpacked });
    writeArchive(join(folder, basename(archive)), unpacked, entries, { epochSeconds, gzip: true });
  }
}

/** `common` installs nothing: it is part of each of the others. */
function installableCharts(workspaceRoot: string): string[] {
  const charts = globSync('*/Chart.yaml', { cwd: join(workspaceRoot, 'charts') });
  return charts
    .map((file) => file.slice(0, file.indexOf('/')))
    .filter((name) => name !== 'common')
    .toSorted();
}
