import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { httpByRequire, isFile } from './http-by-require.ts';
import { withoutUnused } from './without-unused.ts';

/**
 * CommonJS packages (pino, BullMQ's dependencies) expect these; an ES module has none of them. They use no global, since
 * a package may have a variable of its name.
 */
const COMMONJS_GLOBALS = `
import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);
const __filename = import.meta.filename;
const __dirname = import.meta.dirname;
`.trim();

/** Optional parts that their packages do without: a native accelerator, and clients of BullMQ that we do not use. */
const LEFT_OUT = ['msgpackr-extract', 'redis', 'pg', 'pg-native'];

/** Paths in the bundle are relative to it, so that a checkout elsewhere makes the same bytes. */
const workspaceRoot = resolve(import.meta.dirname, '../../..');

export interface Bundle {
  file: string;
  bytes: number;
  /** The files that it has code of, sorted, relative to the workspace. */
  sources: string[];
}

/**
 * Bundles `entry` with all it imports into `<folder>/main.js`, an ES module for Node ≥ 22 that runs with no
 * node_modules. Beside it lie the source map and the licences of what is in it.
 *
 * Names stay as they are (stack traces are read by people). White space goes, because Node keeps the source in memory
 * for as long as it runs. Lines stay short, because Node prints the line of an uncaught error.
 */
export async function bundle(entry: string, folder: string): Promise<Bundle> {
  rmSync(folder, { recursive: true, force: true });
  const file = join(folder, 'main.js');
  const { metafile } = await build({
    absWorkingDir: workspaceRoot,
    entryPoints: [resolve(entry)],
    outfile: resolve(file),
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    banner: { js: COMMONJS_GLOBALS },
    external: LEFT_OUT,
    plugins: [httpByRequire, withoutUnused],
    // Packages that ship both are taken as ES modules, from which unused code falls out.
    mainFields: ['module', 'main'],
    conditions: ['module'],
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 200,
    sourcemap: 'external',
    legalComments: 'external',
    metafile: true,
    logLevel: 'warning',
  });
  const [, output] = Object.entries(metafile.outputs).find(([path]) => path.endsWith('main.js')) ?? [];
  const inputs = Object.entries(output?.inputs ?? {});
  const sources = inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 && isFile(path) ? [path] : []));
  return { file, bytes: output?.bytes ?? 0, sources: sources.toSorted() };
}
