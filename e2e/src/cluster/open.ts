import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { OpenedCluster } from './cluster.ts';
import { userCluster } from './context.ts';
import { workspaceRoot } from './install.ts';
import { ownCluster } from './own.ts';

/** Builds the bundles and opens a cluster: the user's own `context`, or one started for this, with images of this working tree. */
export async function openCluster(
  name: string,
  context: string | undefined,
  print: (line: string) => void,
): Promise<OpenedCluster> {
  await buildBundles();
  return context ? await userCluster(context, print) : await ownCluster(name, print);
}

/** Builds the bundles of apps and examples, from Nx's cache where nothing changed. */
export async function buildBundles(): Promise<void> {
  const build = ['nx', 'run-many', '-t', 'build', '--parallel=2'];
  await promisify(execFile)('npx', build, { cwd: workspaceRoot, maxBuffer: 64 * 1024 * 1024 });
}
