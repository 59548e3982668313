import { isTest, type ImportEdge } from './imports.ts';

export interface Project {
  /** Package name, such as `@redis-queue/api`. */
  name: string;
  /** Folder, relative to the workspace, such as `libs/api`. */
  root: string;
  /** At run time; peers are among them. */
  dependencies: string[];
  devDependencies: string[];
}

/** A package that only some projects may import, so that what it knows stays in one place. */
const RESERVED: Record<string, string[]> = {
  bullmq: ['libs/bullmq', 'libs/scaling-bus', 'libs/worker', 'libs/rig'],
  ioredis: ['libs/bullmq', 'libs/redis-access', 'libs/scaling-bus', 'libs/worker', 'libs/rig'],
  '@kubernetes/client-node': ['libs/controller', 'libs/rig'],
  undici: ['libs/controller', 'libs/rig'],
  '@aws-sdk/client-kms': ['libs/backup'],
  '@aws-sdk/client-s3': ['libs/backup'],
};

/** What a lib may import of ours; a lib that is not named may import every lib. */
const LIB_MAY_IMPORT: Record<string, string[]> = {
  'libs/api': [],
  'libs/backup': [],
  'libs/redis-access': ['@redis-queue/api', '@redis-queue/bullmq', '@redis-queue/controller'],
  'libs/scaling': ['@redis-queue/api'],
  'libs/simulator': ['@redis-queue/scaling', '@redis-queue/api'],
  'libs/rig': ['@redis-queue/controller', '@redis-queue/api'],
  'libs/scaling-bus': ['@redis-queue/bullmq', '@redis-queue/controller'],
  'libs/worker': [],
};

/** Libs without I/O, so without Node's modules: what they are given is all they know. */
const PURE = ['libs/scaling', 'libs/simulator'];

const DRIVERS = /^(bench|e2e|examples|tools)(\/|$)/;

/**
 * What an import breaks of the architecture's rules, as a sentence a developer can act on; undefined when it is fine.
 * The rules: apps import libs and never apps; libs never import apps; each lib imports only what `LIB_MAY_IMPORT`
 * says; client libraries stay in the lib that owns them; pure libs import no module of Node's; no relative path leaves
 * a project; every package that is imported is declared. Tests, benches and tools are drivers from outside: only
 * declaration and paths bind them.
 */
export function violation(edge: ImportEdge, from: Project, projects: Project[]): string | undefined {
  const here = `${edge.file}:${edge.line}: import of "${edge.specifier}"`;
  if ('path' in edge.target) {
    const inside = edge.target.path.startsWith(`${from.root}/`);
    const sharedConfig = isTest(edge.file) && edge.target.path === 'vitest.shared.ts';
    return inside || sharedConfig ? undefined : `${here} leaves ${from.root}; import the package by its name`;
  }
  const driver = DRIVERS.test(from.root) || isTest(edge.file);
  if ('builtin' in edge.target) {
    return PURE.includes(from.root) && !driver ? `${here}: ${from.root} does no I/O` : undefined;
  }
  const imported = edge.target.package;
  const declared = driver ? [...from.dependencies, ...from.devDependencies] : from.dependencies;
  const shared = driver && imported === 'vitest';
  if (!shared && imported !== from.name && !declared.includes(imported)) {
    return `${here} is not among the ${driver ? '' : 'runtime '}dependencies of ${from.root}/package.json`;
  }
  if (driver) return undefined;
  const owners = RESERVED[imported];
  if (owners && !owners.includes(from.root)) return `${here}: only ${owners.join(', ')} may import ${imported}`;
  const to = projects.find((project) => project.name === imported);
  if (!to || to.name === from.name) return undefined;
  if (!to.root.startsWith('libs/')) return `${here}: nobody imports ${to.root}; move what is shared into a lib`;
  if (to.root === 'libs/rig') return `${here}: libs/rig is for tests`;
  const allowed = LIB_MAY_IMPORT[from.root];
  return allowed && !allowed.includes(imported)
    ? `${here}: ${from.root} may import ${allowed.join(', ') || 'no lib'}`
    : undefined;
}
