import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, PYTHON, workspaceRoot } from '@redis-queue/rig';
import { attempt, run } from './command.ts';
import { withLock } from './lock.ts';
import { PAUSE_IMAGE } from './node.ts';
import { completed, startProgress, type Print } from './progress.ts';
import { pythonAppFiles, writePythonRootfs } from './python-rootfs.ts';
import { writeRootfs, type ProgramFile } from './rootfs.ts';

/** An image as a docker-archive, to be loaded into a cluster. */
export interface BuiltImage {
  /** What pods name, with `imagePullPolicy: Never` or `IfNotPresent`. */
  reference: string;
  archive: string;
}

export interface AppImageOptions {
  /** Folder of the app, relative to the workspace; `dist/main.js` must have been built. */
  appDir: string;
  /** Such as `localhost/redis-queue/queue-controller:0.1.0`. */
  reference: string;
  /** For NODE_OPTIONS; a controller's memory settings by default. */
  nodeFlags?: string;
  print?: Print;
}

/** Where distroless Node has it. */
export const nodeProgram: ProgramFile[] = [{ from: process.execPath, to: '/nodejs/bin/node' }];
const imagesFolder = join(import.meta.dirname, '../images');
const quiet: Print = () => undefined;

/** Builds the project's own Dockerfile for one app. Nothing is done when an image of the same content exists. */
export async function buildImage({
  appDir,
  reference,
  nodeFlags,
  print = quiet,
}: AppImageOptions): Promise<BuiltImage> {
  const bundle = join(workspaceRoot, appDir, 'dist/main.js');
  if (!existsSync(bundle)) throw new Error(`${appDir}/dist/main.js is missing; run: npx nx run-many -t build`);
  const base = nodeBase();
  const dockerfile = join(workspaceRoot, 'Dockerfile');
  return ensureImage({
    reference,
    key: contentKey([bundle, dockerfile], [base.key, appDir, nodeFlags ?? '']),
    print,
    build: async (tag) => {
      await ensureInStorage(base, print);
      const flags = nodeFlags === undefined ? [] : ['--build-arg', `NODE_FLAGS=${nodeFlags}`];
      const args = ['--build-arg', `BASE=${base.tag}`, '--build-arg', `APP_DIR=${appDir}`, ...flags];
      await buildah('bud', ...OFFLINE, ...args, '-f', dockerfile, '-t', tag, workspaceRoot);
    },
  });
}

/** Node alone, as `localhost/node:24`, for pods that run a line of script. */
export async function nodeImage(print: Print = quiet): Promise<BuiltImage> {
  return machineImage('localhost/node:24', 'node.Dockerfile', nodeProgram, print);
}

/** Redis of this machine, as `localhost/redis:7`; runs as uid 65532 with a read-only root, data in /data. */
export async function redisImage(print: Print = quiet): Promise<BuiltImage> {
  const programs = [
    { from: '/usr/bin/redis-server', to: '/usr/bin/redis-server' },
    { from: '/usr/bin/redis-cli', to: '/usr/bin/redis-cli' },
  ];
  return machineImage('localhost/redis:7', 'redis.Dockerfile', programs, print);
}

/** The Python example in `appDir`: this machine's Python, the packages that it names, its files. */
export async function pythonWorkerImage(appDir: string, reference: string, print: Print = quiet): Promise<BuiltImage> {
  const folder = join(workspaceRoot, appDir);
  const dockerfile = join(imagesFolder, 'python-worker.Dockerfile');
  const recipe = [dockerfile, rootfsSource, join(import.meta.dirname, 'python-rootfs.ts'), PYTHON];
  return ensureImage({
    reference,
    key: contentKey([...recipe, join(folder, 'requirements.txt'), ...pythonAppFiles(folder)], []),
    print,
    build: async (tag) => {
      await buildFromRootfs(dockerfile, tag, async (rootfs) => await writePythonRootfs(rootfs, { folder }));
    },
  });
}

export async function pauseImage(print: Print = quiet): Promise<BuiltImage> {
  return machineImage(PAUSE_IMAGE, 'pause.Dockerfile', [{ from: '/usr/bin/busybox', to: '/busybox' }], print);
}

interface Base {
  tag: string;
  key: string;
}

export function nodeBase(): Base {
  const key = contentKey([join(imagesFolder, 'node.Dockerfile'), rootfsSource], [process.version, process.arch]);
  return { key, tag: `localhost/redis-queue-node:${key}` };
}

async function ensureInStorage(base: Base, print: Print): Promise<void> {
  await withLock(join(storage, 'base.lock'), print, async () => {
    if (await attempt('buildah', [...STORAGE, 'inspect', '--type', 'image', base.tag])) return;
    const progress = startProgress(`building the base image of Node ${process.version}`, print);
    await buildFromMachine('node.Dockerfile', nodeProgram, base.tag);
    progress.done();
  });
}

function machineImage(
  reference: string,
  dockerfile: string,
  programs: ProgramFile[],
  print: Print,
): Promise<BuiltImage> {
  const files = [join(imagesFolder, dockerfile), rootfsSource, ...programs.map(({ from }) => from)];
  const build = (tag: string): Promise<void> => buildFromMachine(dockerfile, programs, tag);
  return ensureImage({ reference, key: contentKey(files, []), print, build });
}

/** @param flags more of them for `buildah bud`. */
export async function buildFromMachine(
  dockerfile: string,
  programs: ProgramFile[],
  tag: string,
  flags: string[] = [],
): Promise<void> {
  const write = async (rootfs: string): Promise<void> => await writeRootfs(rootfs, programs);
  await buildFromRootfs(join(imagesFolder, dockerfile), tag, write, flags);
}

async function buildFromRootfs(
  dockerfile: string,
  tag: string,
  write: (rootfs: string) => Promise<void>,
  flags: string[] = [],
): Promise<void> {
  const rootfs = mkdtempSync(join(tmpdir(), 'redis-queue-rootfs-'));
  try {
    await write(rootfs);
    await buildah('bud', ...OFFLINE, ...flags, '-f', dockerfile, '-t', tag, rootfs);
  } finally {
    rmSync(rootfs, { recursive: true, force: true });
  }
}

interface Recipe {
  reference: string;
  /** Hash of all that goes in: an image with this key is not built again. */
  key: string;
  print: Print;
  /** Builds and tags it in buildah's storage. */
  build: (tag: string) => Promise<void>;
}

async function ensureImage({ reference, key, print, build }: Recipe): Promise<BuiltImage> {
  const folder = join(cacheFolder(), 'images');
  mkdirSync(folder, { recursive: true });
  const name = reference.replaceAll(/[^a-z0-9.-]+/gi, '_');
  const archive = join(folder, `${name}-${key}.tar`);
  const image = { reference, archive };
  if (existsSync(archive)) return image;
  await withLock(join(folder, `${name}.lock`), print, async () => {
    if (existsSync(archive)) return;
    await completed(startProgress(`building image ${reference}`, print), makeArchive(reference, archive, build));
    removeOld(globSync(join(folder, `${name}-*.tar`)));
  });
  return image;
}

async function makeArchive(reference: string, archive: string, build: Recipe['build']): Promise<void> {
  const unfinished = `${archive}.building`;
  rmSync(unfinished, { force: true });
  await build(reference);
  await buildah('push', '--quiet', reference, `docker-archive:${unfinished}:${reference}`);
  renameSync(unfinished, archive);
  // The archive is what clusters load; in buildah's storage each image is a whole copy of its root.
  await buildah('rmi', reference);
}

/** Each is some 130 MB. Not only the newest stays: other checkouts build the same reference from other sources. */
function removeOld(archives: string[], keep = 3): void {
  const dated = archives.map((path) => ({ path, builtAt: statSync(path).mtimeMs }));
  for (const { path } of dated.toSorted((a, b) => b.builtAt - a.builtAt).slice(keep)) rmSync(path);
}

export const storage = join(cacheFolder(), 'buildah');
const rootfsSource = join(import.meta.dirname, 'rootfs.ts');
/** vfs and chroot: overlay mounts and user namespaces are not available in every container. */
const STORAGE = ['--root', join(storage, 'root'), '--runroot', join(storage, 'run'), '--storage-driver', 'vfs'];
export const OFFLINE = ['--isolation', 'chroot', '--pull-never', '--layers=false', '--quiet'];

export async function buildah(command: string, ...args: string[]): Promise<void> {
  await buildahWithin(undefined, command, ...args);
}

/** As `buildah`, ended after `timeoutMs`; what it printed. */
export async function buildahWithin(timeoutMs: number | undefined, ...args: string[]): Promise<string> {
  mkdirSync(storage, { recursive: true });
  return await run('buildah', [...STORAGE, ...args], process.env, timeoutMs);
}

function contentKey(files: string[], values: string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file)).update('\0');
  for (const value of values) hash.update(value).update('\0');
  return hash.digest('hex').slice(0, 12);
}
