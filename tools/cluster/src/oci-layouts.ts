import { join } from 'node:path';
import { buildah, buildFromMachine, nodeBase, nodeProgram, OFFLINE, storage } from './images.ts';
import { withLock } from './lock.ts';
import { startProgress, type Print } from './progress.ts';
import { libraries } from './rootfs.ts';

/** One image of a release, from the project's Dockerfile. */
export interface OciImage {
  /** Build context; it holds nothing but the Dockerfile and what that copies. */
  context: string;
  /** Build argument APP_DIR. */
  appDir: string;
  /** Folder that the OCI layout is written to. */
  folder: string;
  labels: Record<string, string>;
}

export interface OciOptions {
  /** Of all that is in the images, s since 1970. */
  epochSeconds: number;
  /** Name that the image has in its layout, such as a version. */
  tag: string;
  /** Reference by digest of a base to pull; undefined to make one of this machine's Node, offline. */
  pull: string | undefined;
  print: Print;
}

/** What the images stand on. */
export interface BaseImage {
  /** For a sentence that begins "They stand on". */
  description: string;
  /** Its reference, when it was pulled. */
  pulled: string | undefined;
  /** Files of this machine that are in it, when it was made here; Node itself is not among them. */
  machineFiles: string[];
}

/**
 * Builds images whose bytes depend on nothing but the contexts, the base and the time that is given: not on when or
 * where they are built. Each is written as an OCI layout, and none stays in buildah's storage.
 */
export async function writeOciLayouts(images: readonly OciImage[], options: OciOptions): Promise<BaseImage> {
  const { epochSeconds, tag, pull, print } = options;
  // One at a time: names in the storage are part of the images (as their base's), so they cannot be random.
  return await withLock(join(storage, 'release.lock'), print, async () => {
    const timestamp = `--timestamp=${epochSeconds}`;
    const base = pull ?? `${nodeBase().tag}-${epochSeconds}`;
    const names: string[] = [];
    const progress = startProgress(`building ${images.length} images on ${base}`, print);
    try {
      if (pull === undefined) await buildFromMachine('node.Dockerfile', nodeProgram, base, [timestamp]);
      else await buildah('pull', '--quiet', pull);
      names.push(base);
      for (const { context, appDir, folder, labels } of images) {
        const name = `localhost/redis-queue-release/${appDir}:${tag}`;
        const labelFlags = Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`);
        const args = [`--build-arg=BASE=${base}`, `--build-arg=APP_DIR=${appDir}`, timestamp, ...labelFlags];
        await buildah('bud', ...OFFLINE, ...args, '-f', join(context, 'Dockerfile'), '-t', name, context);
        names.push(name);
        await buildah('push', '--quiet', name, `oci:${folder}:${tag}`);
      }
      progress.done();
    } catch (error) {
      progress.fail();
      throw error;
    } finally {
      for (const name of names.toReversed()) await buildah('rmi', name).catch(() => undefined);
    }
    return pull === undefined ? await ownBase() : { description: pull, pulled: pull, machineFiles: [] };
  });
}

async function ownBase(): Promise<BaseImage> {
  return {
    description: `Node ${process.version}, system libraries and CA certificates of the machine that built them, not on the Dockerfile's base, which has to be pulled`,
    pulled: undefined,
    machineFiles: [...(await libraries(process.execPath)), '/usr/share/zoneinfo/UTC'],
  };
}
