import { readFileSync, globSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { builtinModules } from 'node:module';
import { parseSync } from 'oxc-parser';

/** One `import`, `export … from` or `import()` of a source file. */
export interface ImportEdge {
  /** Path of the importing file, relative to the workspace. */
  file: string;
  /** What stands between the quotes. */
  specifier: string;
  /** The package that a bare specifier names, the path that a relative one resolves to, a module of Node's. */
  target: { package: string } | { path: string } | { builtin: string };
}

/** What is tested about, not shipped: tests may use `@redis-queue/rig` and read any folder. */
export function isTest(file: string): boolean {
  return file.endsWith('.test.ts') || /(^|\/)(vitest(\.[a-z0-9]+)*\.config|test-[a-z-]+|testbed)\.ts$/.test(file);
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
    const { module } = parseSync(file, readFileSync(join(workspaceRoot, file), 'utf8'));
    const specifiers = [
      ...module.staticImports.map((each) => each.moduleRequest.value),
      ...module.staticExports.flatMap((each) => each.entries.flatMap((entry) => entry.moduleRequest?.value ?? [])),
    ];
    return specifiers.map((specifier) => edge(workspaceRoot, file, specifier));
  });
}

function edge(workspaceRoot: string, file: string, specifier: string): ImportEdge {
  if (specifier.startsWith('.')) {
    const absolute = resolve(workspaceRoot, file, '..', specifier);
    return { file, specifier, target: { path: relative(workspaceRoot, absolute).split(sep).join('/') } };
  }
  if (isBuiltin(specifier)) return { file, specifier, target: { builtin: specifier } };
  const [scope, name] = specifier.split('/');
  return { file, specifier, target: { package: specifier.startsWith('@') ? `${scope}/${name}` : scope! } };
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}
