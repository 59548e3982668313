import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, moduleOf, programFolder, VERSIONS, type ProgramSet } from '@redis-queue/rig';
import { CompileEstimate } from './compile-estimate.ts';
import { libraryParts, PLAN_FORMAT, parsePlan, type CompilePlan } from './compile-plan.ts';
import { go } from './go.ts';
import { withLock } from './lock.ts';
import { completed, startProgress, type Print } from './progress.ts';

/** What a cluster needs: `control-plane` serves the API without root, `node` also runs pods. `keda` is for one bench. */
export type Level = 'control-plane' | 'node' | 'keda';

const SETS: Record<Level, ProgramSet[]> = {
  'control-plane': ['kube', 'helm', 'health', 'alerts', 's3', 'kms'],
  node: ['kube', 'helm', 'containerd', 'coredns', 'health', 'alerts', 's3', 'kms'],
  keda: ['keda'],
};

export function isLevel(name: string | undefined): name is Level {
  return name !== undefined && Object.hasOwn(SETS, name);
}

interface Program {
  package: string;
  /** Flags of the linker beyond those of every program. */
  ldflags?: string;
}

const kubeVersion = {
  gitVersion: `v${VERSIONS.kubernetes}`,
  gitMajor: VERSIONS.kubernetes.split('.')[0],
  gitMinor: VERSIONS.kubernetes.split('.')[1],
};
// Without a version the controller manager logs parse errors and clients see v0.0.0-master.
const kubeFlags = Object.entries(kubeVersion).map(([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`);
const kedaFlags = `-X github.com/kedacore/keda/v2/version.Version=${VERSIONS.keda}`;
const ours = (name: string): string => `redis-queue.io/tools/cluster/${name}`;
const containerds = (name: string): string => `github.com/containerd/containerd/v2/cmd/${name}`;

/** Those that share packages are in one module, or in modules of the same versions, so that each is compiled once. */
const PROGRAMS: Record<ProgramSet, Program[]> = {
  kube: [{ package: ours('kube'), ldflags: kubeFlags.join(' ') }],
  helm: [{ package: 'helm.sh/helm/v3/cmd/helm' }],
  containerd: [ours('containerd'), containerds('containerd-shim-runc-v2'), containerds('ctr')].map((each) => ({
    package: each,
  })),
  coredns: [{ package: ours('coredns') }],
  health: [{ package: 'redis-queue.io/tools/health' }],
  alerts: [{ package: 'redis-queue.io/tools/alerts' }],
  s3: [{ package: 'github.com/versity/versitygw/cmd/versitygw' }],
  kms: [{ package: 'github.com/nsmithuk/local-kms' }],
  keda: ['operator', 'adapter'].map((name) => ({
    package: `github.com/kedacore/keda/v2/cmd/${name}`,
    ldflags: kedaFlags,
  })),
};

// No debug information, neither compiled nor linked: a tenth of the time and a fifth of Go's cache. The same flags for
// every program, since a package that was compiled with others is compiled again.
const COMPILER = ['-trimpath', '-gcflags=all=-dwarf=false'];
const LINKER = '-s -w';

/** Of similar cost, compiled one after the other; the last is compiled and linked in one. */
const PARTS = 4;

/**
 * What Go compiles goes into a cache of the project's own, 3 GB, which is removed once every program of a cluster is
 * there. The user's own cache would hold it for days, and it is of no use to other builds: their flags differ.
 */
const goCache = join(cacheFolder(), 'go-build');

/** Builds what is missing of a level's programs. Quick when nothing is; safe to call from several processes at once. */
export async function build(level: Level, print: Print): Promise<void> {
  if (!SETS[level].some(isMissing)) return;
  await withLock(`${goCache}.lock`, print, async () => {
    const missing = SETS[level].filter(isMissing);
    for (const [module, sets] of Map.groupBy(missing, moduleOf)) await buildSets(sets, module, print);
    if (!SETS.node.some(isMissing)) rmSync(goCache, { recursive: true, force: true });
  });
}

function isMissing(set: ProgramSet): boolean {
  return !existsSync(programFolder(set));
}

async function buildSets(sets: ProgramSet[], module: string, print: Print): Promise<void> {
  const programs = sets.flatMap((set) => PROGRAMS[set]);
  // Built aside and renamed: a folder that is there is whole, whatever ended an earlier build.
  const unfinished = `${goCache}.programs`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const plan = await planCompile(programs, module, sets, print);
  await compile(programs, module, unfinished, plan, print);
  for (const set of sets) {
    const folder = `${programFolder(set)}.building`;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const { package: path } of PROGRAMS[set])
      renameSync(join(unfinished, nameOf(path)), join(folder, nameOf(path)));
    renameSync(folder, programFolder(set));
  }
  rmSync(unfinished, { recursive: true });
}

/** What Go calls the program of a package. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Downloads the modules that are missing and finds what has to be compiled. */
async function planCompile(
  programs: Program[],
  module: string,
  sets: ProgramSet[],
  print: Print,
): Promise<CompilePlan> {
  let downloaded = 0;
  const progress = startProgress(`reading the Go packages of ${sets.join(', ')}`, print, () =>
    downloaded > 0 ? `${downloaded} modules downloaded` : 'from disk',
  );
  const count = (line: string): boolean => {
    const begins = line.startsWith('go: downloading ');
    if (begins) downloaded++;
    return begins;
  };
  const args = ['list', '-deps', ...COMPILER, '-f', PLAN_FORMAT, ...programs.map(({ package: path }) => path)];
  return parsePlan(await completed(progress, go(args, module, { cache: goCache, onLine: count })));
}

/**
 * Compiles `plan` and links the programs into `folder`. In parts, because until a run of Go ends it keeps a second copy
 * of what it compiled in the folder for temporary files, which may be memory.
 */
async function compile(
  programs: Program[],
  module: string,
  folder: string,
  plan: CompilePlan,
  print: Print,
): Promise<void> {
  const estimate = new CompileEstimate(plan);
  const what =
    estimate.packages > programs.length ? `compiling ${estimate.packages} Go packages` : 'linking Go programs';
  const progress = startProgress(what, print, () => estimate.toString());
  const run = (args: string[]): Promise<string> =>
    go(['build', '-v', ...COMPILER, ...args], module, { cache: goCache, onLine: (line) => estimate.began(line) });
  const linker = programs.map(({ package: path, ldflags }) => `-ldflags=${path}=${LINKER} ${ldflags ?? ''}`);
  const paths = programs.map(({ package: path }) => path);
  const parts = [...libraryParts(plan, paths, PARTS), [...linker, '-o', `${folder}/`, ...paths]];
  await completed(
    progress,
    parts.reduce(async (before, args) => (await before, await run(args)), Promise.resolve('')),
  );
}
