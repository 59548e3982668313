import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** CommonJS packages (pino, BullMQ's dependencies) expect these; an ES module has none of them. */
const COMMONJS_GLOBALS = `
import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __fileURLToPath } from 'node:url';
const require = __createRequire(import.meta.url);
const __filename = __fileURLToPath(import.meta.url);
const __dirname = __fileURLToPath(new URL('.', import.meta.url));
`.trim();

/** Optional parts that their packages do without: a native accelerator, and clients of BullMQ that we do not use. */
const LEFT_OUT = ['msgpackr-extract', 'redis', 'pg', 'pg-native'];

export interface Bundle {
  file: string;
  bytes: number;
}

/**
 * Bundles `entry` with all it imports into `<folder>/main.js`, an ES module for Node ≥ 22 that runs with no
 * node_modules. Beside it lie the source map and the licences of what is in it.
 *
 * Names stay as they are (stack traces are read by people). White space goes, because Node keeps the source in memory for
 * as long as it runs. Lines stay short, because Node prints the line of an uncaught error.
 */
export async function bundle(entry: string, folder: string): Promise<Bundle> {
  rmSync(folder, { recursive: true, force: true });
  const file = join(folder, 'main.js');
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    banner: { js: COMMONJS_GLOBALS },
    external: LEFT_OUT,
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
  const bytes = Object.entries(metafile.outputs).find(([path]) => path.endsWith('main.js'))?.[1].bytes ?? 0;
  return { file, bytes };
}
