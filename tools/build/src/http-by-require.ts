import type { Plugin } from 'esbuild';

const NAMESPACE = 'by-require';

/**
 * Takes `node:http` by `require`, whatever imports it. An `import` asks for each of its exports, and for `WebSocket` among
 * them Node loads all of its own fetch: 4 MiB of resident memory, for as long as the process runs (Node 24.21).
 */
export const httpByRequire: Plugin = {
  name: 'http-by-require',
  setup(build) {
    build.onResolve({ filter: /^(node:)?http$/ }, ({ namespace }) =>
      namespace === NAMESPACE ? { path: 'node:http', external: true } : { path: 'node:http', namespace: NAMESPACE },
    );
    build.onLoad({ filter: /^node:http$/, namespace: NAMESPACE }, () => ({
      contents: `module.exports = require('node:http')`,
    }));
  },
};

/** Whether it is code of a file, and not what the plugin has put in place of one. */
export function isFile(source: string): boolean {
  return !source.startsWith(`${NAMESPACE}:`);
}
