import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { workspaceRoot } from '../programs/binaries.ts';
import type { AppName } from '@redis-queue/api';

/**
 * Builds the bundles of these apps, by default of all apps and examples, from Nx's cache where nothing changed. Does
 * nothing under `make test`, which has built them and says so by BUNDLES_BUILT: Nx takes a bundle away for a moment as it
 * puts it back, in which others that run side by side cannot start it.
 */
export async function buildBundles(apps?: readonly AppName[]): Promise<void> {
  if (process.env['BUNDLES_BUILT']) return;
  const projects = apps ? ['-p', apps.map((app) => `@redis-queue/${app}`).join(',')] : [];
  const build = ['nx', 'run-many', '-t', 'build', '--parallel=2', ...projects];
  await promisify(execFile)('npx', build, { cwd: workspaceRoot, maxBuffer: 64 * 1024 * 1024 });
}

/**
 * The one file that the image of an app runs.
 * @throws when it is not built yet, with the command that builds it.
 */
export function bundleOf(app: AppName): string {
  const bundle = join(workspaceRoot, 'apps', app, 'dist/main.js');
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing; run: npx nx run-many -t build`);
  return bundle;
}
