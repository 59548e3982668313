import { readFileSync, globSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { builtinModules } from 'node:module';
import { parseSync } from 'oxc-parser';

/** One `import`, `export … from` or `import()` of a source file. */
export interface ImportEdge {
  /** Path of the importing file, relative to the workspace. */
  file: string;
  /** What stands between the quotes. */
  specifier: string;
  /** The package that a bare specifier names, the path that a relative one resolves to. */
  target: { package: string } | { path: string };
}

/** What is tested about, not shipped: tests may use `@redis-queue/rig` and read any folder. */
export function isTest(file: string): boolean {
  return (
    file.endsWith('.test.ts') ||
    /(^|\/)(vitest(\.[a-z0-9]+)*\.config|test-[a-z-]+|testbed)\.ts$/.test(file) ||
    // An app ships nothing to import; `libs/worker/src/testing` is for users' tests and ships.
    /^apps\/[^/]+\/src\/testing\//.test(file)
  );
}

/** Every import below `projectRoot`, types included: a type that crosses a boundary couples as much as a call. */
export function importsOf(workspaceRoot: string, projectRoot: string): ImportEdge[] {
  const files = globSync('**/*.ts', {
    cwd: join(workspaceRoot, projectRoot),
    exclude: (name) => name === 'node_modules' || name === 'dist',
  });
  return files.flatMap((name) => {
    const file = join(projectRoot, name);
    const { module } = parseSync(file, readFileSync(join(workspaceRoot, file), 'utf8'));
    const specifiers = [
      ...module.staticImports.map((each) => each.moduleRequest.value),
      ...module.staticExports.flatMap((each) => each.entries.flatMap((entry) => entry.moduleRequest?.value ?? [])),
    ];
    return specifiers
      .filter((specifier) => !isBuiltin(specifier))
      .map((specifier) => edge(workspaceRoot, file, specifier));
  });
}

function edge(workspaceRoot: string, file: string, specifier: string): ImportEdge {
  if (specifier.startsWith('.')) {
    const absolute = resolve(workspaceRoot, file, '..', specifier);
    return { file, specifier, target: { path: relative(workspaceRoot, absolute).split(sep).join('/') } };
  }
  const [scope, name] = specifier.split('/');
  return { file, specifier, target: { package: specifier.startsWith('@') ? `${scope}/${name}` : scope! } };
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}
