import { join } from 'node:path';
import { temporaryFolder } from '@redis-queue/rig';
import { run } from './command.ts';
import { buildahWithin, type BuiltImage } from './images.ts';
import { completed, startProgress, type Print } from './progress.ts';

/** A registry may be slow, and an image large. */
const PULL_MS = 10 * 60_000;
const DOCKER_MS = 10_000;

/**
 * An image that was built elsewhere, for clusters of this machine, which pull nothing.
 *
 * @param source a reference such as `registry.example/worker:1.0.0`, taken from this machine's Docker where that has it
 *   and from its registry otherwise, with what `docker login` or `buildah login` stored; or a file or folder with its
 *   transport, such as `docker-archive:worker.tar` or `oci:folder`.
 * @param reference what pods name it by.
 * @throws Error that says why it cannot be had.
 */
export async function foreignImage(source: string, reference: string, print: Print): Promise<BuiltImage> {
  const from = (await isInDocker(source)) ? `docker-daemon:${source}` : source;
  const archive = join(temporaryFolder('image'), 'image.tar');
  await completed(startProgress(`fetching image ${from}`, print), save(from, archive, reference));
  return { reference, archive };
}

async function isInDocker(source: string): Promise<boolean> {
  const inspect = run('docker', ['image', 'inspect', '--format={{.Id}}', source], process.env, DOCKER_MS);
  return await inspect.then(
    () => true,
    () => false, // it has none, does not run, or is not installed
  );
}

async function save(from: string, archive: string, reference: string): Promise<void> {
  const id = await pull(from);
  try {
    await buildahWithin(PULL_MS, 'push', '--quiet', id, `docker-archive:${archive}:${reference}`);
  } finally {
    // One that something else in buildah's storage builds on has to stay there.
    await buildahWithin(PULL_MS, 'rmi', id).catch(() => undefined);
  }
}

async function pull(from: string): Promise<string> {
  try {
    return (await buildahWithin(PULL_MS, 'pull', '--quiet', from)).trim();
  } catch (error) {
    const ways = 'name one that this machine can pull or that its Docker has, or docker-archive:FILE of `docker save`';
    // before the last line buildah tells of its attempts
    const why = (error as Error).message.split('\n').at(-1);
    throw new Error(`image ${from} cannot be had: ${why}; ${ways}`, { cause: error });
  }
}
