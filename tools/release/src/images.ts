import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '@redis-queue/build';
import { writeOciLayouts, type BaseImage, type OciImage, type Print } from '@redis-queue/cluster';
import { writeArchive } from './archive.ts';
import type { Source } from './source.ts';

/** An app whose image goes out, and what its bundle has code of. */
export interface ReleasedApp {
  name: string;
  sources: string[];
}

/** Node's names of architectures in those of images. */
const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/** The platform of images built on this machine, such as `linux/amd64`. */
export function platform(): string {
  return `linux/${ARCHITECTURES[process.arch] ?? process.arch}`;
}

/** Names of the apps that have an image: each folder of `apps/` with a `main.ts`. */
export function releasedApps(workspaceRoot: string): string[] {
  return globSync('*/src/main.ts', { cwd: join(workspaceRoot, 'apps') })
    .map((file) => file.slice(0, file.indexOf('/')))
    .toSorted();
}

/**
 * Bundles every app and writes its image as an OCI archive, tagged with the version.
 *
 * @param pull reference by digest of a base to pull; undefined to make one of this machine's Node.
 */
export async function writeImages(
  source: Source,
  folder: string,
  scratch: string,
  pull: string | undefined,
  print: Print,
): Promise<{ apps: ReleasedApp[]; base: BaseImage }> {
  const { workspaceRoot, version, epochSeconds } = source;
  const staged = [];
  for (const name of releasedApps(workspaceRoot)) staged.push(await stageApp(source, name, scratch));
  const images = staged.map(({ image }) => image);
  const base = await writeOciLayouts(images, { epochSeconds, tag: version, pull, print });
  mkdirSync(folder, { recursive: true });
  for (const { app, image } of staged) {
    const file = join(folder, `${app.name}-${version}-${platform().replace('/', '-')}.oci.tar`);
    writeArchive(file, image.folder, ['oci-layout', 'index.json', 'blobs'], { epochSeconds, gzip: false });
  }
  return { apps: staged.map(({ app }) => app), base };
}

/** A build context with nothing in it but what the Dockerfile copies: its modes are part of the image. */
async function stageApp(source: Source, name: string, scratch: string): Promise<{ app: ReleasedApp; image: OciImage }> {
  const { workspaceRoot, version, commit } = source;
  const appDir = `apps/${name}`;
  const project = join(workspaceRoot, appDir);
  const { file, sources } = await bundle(join(project, 'src/main.ts'), join(project, 'dist'));
  if (readFileSync(file, 'utf8').includes(workspaceRoot)) throw new Error(`${file} holds the path ${workspaceRoot}`);
  const context = join(scratch, `context-${name}`);
  mkdirSync(join(context, appDir, 'dist'), { recursive: true });
  const staged = join(context, appDir, 'dist/main.js');
  copyFileSync(file, staged);
  chmodSync(staged, 0o644);
  copyFileSync(join(workspaceRoot, 'Dockerfile'), join(context, 'Dockerfile'));
  const labels = {
    'org.opencontainers.image.title': name,
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.revision': commit,
    'org.opencontainers.image.licenses': 'Apache-2.0',
  };
  return { app: { name, sources }, image: { context, appDir, folder: join(scratch, `oci-${name}`), labels } };
}
