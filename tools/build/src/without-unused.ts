import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * Leaves out large texts that no app asks for and that do not fall out by themselves, because Node keeps the source in
 * memory for as long as it runs: zod's messages in fifty languages (2.8 MiB of resident memory), and the SQL of BullMQ's
 * backend for PostgreSQL.
 */
export const withoutUnused: Plugin = {
  name: 'without-unused',
  setup(build) {
    build.onLoad({ filter: /[/\\]zod[/\\]v4[/\\]locales[/\\]index\.js$/ }, ({ path }) => ({
      contents: `export { default as en } from './en.js';`,
      resolveDir: dirname(path),
    }));
    build.onLoad({ filter: /[/\\]bullmq[/\\]dist[/\\]esm[/\\]postgres[/\\]sql-scripts\.js$/ }, async ({ path }) => {
      const names = [...(await readFile(path, 'utf8')).matchAll(/^export const (\w+)/gm)].map(([, name]) => name!);
      return { contents: names.map((name) => `export const ${name} = {};`).join('\n') };
    });
  },
};
