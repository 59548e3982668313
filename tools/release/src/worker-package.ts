import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Source } from './source.ts';

/** Packs libs/worker as users install it; npm itself writes the same bytes for the same contents. */
export function packWorker({ workspaceRoot }: Source, folder: string, scratch: string): void {
  const out = join(scratch, 'npm');
  execFileSync(process.execPath, [join(workspaceRoot, 'libs/worker/pack.ts'), '--out', out], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  mkdirSync(folder, { recursive: true });
  for (const tarball of globSync(join(out, '*.tgz'))) copyFileSync(tarball, join(folder, basename(tarball)));
}
