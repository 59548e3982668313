import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildImage, exampleWorkerImage, pythonWorkerImage, type BuiltImage, type Print } from '@redis-queue/cluster';
import { buildBundles, PYTHON, pythonPackages, workspaceRoot } from '@redis-queue/rig';

/** An example that can be checked by its name. */
export interface Example {
  /** What its image runs, on this machine. */
  readonly command: () => Promise<string>;
  /** Its image, built from this working tree. */
  readonly image: (print: Print) => Promise<BuiltImage>;
}

const PYTHON_FOLDER = 'examples/python-worker';
/** A worker of plain BullMQ as docs/pod-contract.md shows it. */
const PLAIN_FILE = join(import.meta.dirname, 'plain-worker.ts');
const BUILD_MS = 120_000;

export const EXAMPLES = {
  worker: {
    command: () => Promise.resolve(`${process.execPath} ${join(workspaceRoot, 'examples/worker/src/main.ts')}`),
    image: async (print) => {
      await buildBundles();
      return await exampleWorkerImage(print);
    },
  },
  'python-worker': {
    command: async () => {
      const folder = join(workspaceRoot, PYTHON_FOLDER);
      const packages = await pythonPackages(join(folder, 'requirements.txt'));
      const env = `env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=${folder}:${packages}`;
      return `${env} ${PYTHON} ${join(folder, 'worker.py')}`;
    },
    image: async (print) =>
      await pythonWorkerImage(PYTHON_FOLDER, 'localhost/redis-queue/example-python-worker:dev', print),
  },
  plain: {
    command: () => Promise.resolve(`${process.execPath} ${PLAIN_FILE}`),
    image: async (print) => {
      const bundle = ['tools/build/bundle.ts', PLAIN_FILE, '--out', 'e2e/dist'];
      await promisify(execFile)(process.execPath, bundle, { cwd: workspaceRoot, timeout: BUILD_MS });
      const reference = 'localhost/redis-queue/plain-worker:dev';
      return await buildImage({ appDir: 'e2e', reference, nodeFlags: '', print });
    },
  },
} as const satisfies Record<string, Example>;

/** The example of this name, if it is one. */
export function exampleOf(name: string): Example | undefined {
  return Object.entries(EXAMPLES).find(([each]) => each === name)?.[1];
}
