// Makes the package that users install: JavaScript and declarations, because Node strips no types inside node_modules.
// npm run pack [-- --out FOLDER] → FOLDER/redis-queue-worker-VERSION.tgz (FOLDER: dist)
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

interface Manifest {
  name: string;
  version: string;
  description: string;
  license: string;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
}

const project = import.meta.dirname;
const { values } = parseArgs({ options: { out: { type: 'string', default: join(project, 'dist') } } });
const out = resolve(values.out);
const folder = join(out, 'package');

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const compiler = ['tsc', '-p', join(project, 'tsconfig.pack.json'), '--outDir', join(folder, 'lib')];
execFileSync('npx', compiler, { cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
for (const file of globSync(join(folder, 'lib/**/*.d.ts'))) {
  writeFileSync(file, withJavaScriptImports(readFileSync(file, 'utf8')));
}
const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as Manifest;
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(published(manifest), undefined, 2)}\n`);
// Written, not copied: a copy has the mode of the clone's file, which is then part of the package.
writeFileSync(join(folder, 'LICENSE'), readFileSync(join(project, '../../LICENSE')));
writeFileSync(join(folder, 'README.md'), readFileSync(join(project, 'README.md')));
const tarball = execFileSync('npm', ['pack', folder, '--pack-destination', out, '--json', '--offline'], {
  cwd: project,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
const [{ filename } = { filename: '' }] = Object.values(JSON.parse(tarball) as { filename: string }[]);
process.stdout.write(`${join(out, filename)}\n`);

/**
 * The compiler rewrites imports in JavaScript only; declarations must not depend on how a user's compiler reads `.ts`.
 */
function withJavaScriptImports(declarations: string): string {
  return declarations.replaceAll(/((?:from |import\()['"]\.[^'"]*)\.ts(?=['"])/g, '$1.js');
}

function published({ name, version, description, license, ...needs }: Manifest): object {
  const { dependencies, peerDependencies, peerDependenciesMeta } = needs;
  return {
    name,
    version,
    description,
    license,
    keywords: ['bullmq', 'worker', 'queue', 'redis', 'kubernetes'],
    type: 'module',
    exports: { '.': compiled('index'), './testing': compiled('testing/index') },
    files: ['lib'],
    engines: { node: '>=22.12' },
    dependencies,
    peerDependencies,
    peerDependenciesMeta,
  };
}

function compiled(module: string): object {
  return { types: `./lib/${module}.d.ts`, default: `./lib/${module}.js` };
}
