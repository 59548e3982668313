import { readFileSync, globSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { builtinModules } from 'node:module';
import { parseSync, type EcmaScriptModule } from 'oxc-parser';
import { lineAt } from './files.ts';

/** One `import`, `export … from` or `import('…')` of a source file. */
export interface ImportEdge {
  /** Path of the importing file, relative to the workspace. */
  file: string;
  /** The import's line in it, from 1. */
  line: number;
  /** The text between the quotes. */
  specifier: string;
  /** The package that a bare specifier names, the path that a relative one resolves to, a module of Node's. */
  target: { package: string } | { path: string } | { builtin: string };
}

/** Code that tests and is not shipped: tests may use `@redis-queue/rig` and read any folder. */
export function isTest(file: string): boolean {
  return (
    file.endsWith('.test.ts') ||
    /(^|\/)(vitest(\.[a-z0-9]+)*\.config|test-[a-z-]+|testbed)\.ts$/.test(file) ||
    // An app ships nothing to import; `libs/worker/src/testing` is for users' tests and ships.
    /^apps\/[^/]+\/src\/testing\//.test(file)
  );
}

const exclude = (name: string): boolean => name === 'node_modules' || name === 'dist';

/**
 * Every import below `projectRoot`, types included: a type that crosses a boundary couples as much as a call. Packages
 * within the folder, such as `bench/keda`, are projects of their own.
 */
export function importsOf(workspaceRoot: string, projectRoot: string): ImportEdge[] {
  const cwd = join(workspaceRoot, projectRoot);
  const nested = globSync('*/package.json', { cwd, exclude }).map(dirname);
  const files = globSync('**/*.ts', { cwd, exclude });
  const own = files.filter((name) => !nested.some((folder) => name.startsWith(`${folder}${sep}`)));
  return own.flatMap((name) => {
    const file = join(projectRoot, name);
    const text = readFileSync(join(workspaceRoot, file), 'utf8');
    return requestsOf(parseSync(file, text).module, text).map(({ specifier, start }) => ({
      file,
      line: lineAt(text, start),
      specifier,
      target: target(workspaceRoot, file, specifier),
    }));
  });
}

function requestsOf(module: EcmaScriptModule, text: string): { specifier: string; start: number }[] {
  const named = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest),
    ...module.staticExports.map(({ entries }) => entries.find((entry) => entry.moduleRequest)?.moduleRequest),
  ];
  const dynamic = module.dynamicImports.flatMap(({ moduleRequest: { start, end } }) => {
    const literal = /^(['"`])([^'"`$]+)\1$/.exec(text.slice(start, end));
    return literal ? [{ specifier: literal[2]!, start }] : [];
  });
  return [
    ...named.flatMap((request) => (request ? [{ specifier: request.value, start: request.start }] : [])),
    ...dynamic,
  ];
}

function target(workspaceRoot: string, file: string, specifier: string): ImportEdge['target'] {
  if (specifier.startsWith('.')) {
    const absolute = resolve(workspaceRoot, file, '..', specifier);
    return { path: relative(workspaceRoot, absolute).split(sep).join('/') };
  }
  if (isBuiltin(specifier)) return { builtin: specifier };
  const [scope, name] = specifier.split('/');
  return { package: specifier.startsWith('@') ? `${scope}/${name}` : scope! };
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}
