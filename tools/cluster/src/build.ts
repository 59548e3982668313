import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { goModule, kedaModule, programFolder, VERSIONS, type ProgramSet } from '@redis-queue/rig';
import { go } from './go.ts';
import { withLock } from './lock.ts';
import { startProgress, type Print } from './progress.ts';

/** What a cluster needs: `control-plane` serves the API without root, `node` also runs pods. `keda` is for one bench. */
export type Level = 'control-plane' | 'node' | 'keda';

/** Lanes of sets that are built side by side: while one downloads or links, the other compiles. Helm finds Kubernetes' packages compiled. */
const LANES: Record<Level, ProgramSet[][]> = {
  'control-plane': [['kube', 'helm']],
  node: [
    ['kube', 'helm'],
    ['containerd', 'coredns'],
  ],
  keda: [['keda']],
};

export function isLevel(name: string | undefined): name is Level {
  return name !== undefined && Object.hasOwn(LANES, name);
}

interface Recipe {
  /** Folder of the module that pins the packages; absent for packages that carry their version. */
  cwd?: string;
  packages: string[];
  /** What its one program is called, where Go would name it for the folder. */
  output?: string;
  ldflags: string;
  /** About how long it takes on two cores with an empty Go cache, for the person who waits. */
  minutes: number;
}

const STRIP = '-s -w';

const kubeVersion = {
  gitVersion: `v${VERSIONS.kubernetes}`,
  gitMajor: VERSIONS.kubernetes.split('.')[0],
  gitMinor: VERSIONS.kubernetes.split('.')[1],
};
// Without a version the controller manager logs parse errors and clients see v0.0.0-master.
const kubeFlags = Object.entries(kubeVersion).map(([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`);
const containerdCommand = (name: string): string =>
  `github.com/containerd/containerd/v2/cmd/${name}@v${VERSIONS.containerd}`;

const RECIPES: Record<ProgramSet, Recipe> = {
  kube: { cwd: goModule, packages: ['.'], output: 'kube', ldflags: [STRIP, ...kubeFlags].join(' '), minutes: 8 },
  // In Kubernetes' module, although Helm asks for an older one: what both link is compiled once.
  helm: { cwd: goModule, packages: ['helm.sh/helm/v3/cmd/helm'], ldflags: STRIP, minutes: 1 },
  containerd: {
    packages: ['containerd', 'containerd-shim-runc-v2', 'ctr'].map(containerdCommand),
    ldflags: STRIP,
    minutes: 2,
  },
  keda: {
    cwd: kedaModule,
    packages: ['operator', 'adapter'].map((name) => `github.com/kedacore/keda/v2/cmd/${name}`),
    ldflags: `${STRIP} -X github.com/kedacore/keda/v2/version.Version=${VERSIONS.keda}`,
    minutes: 10,
  },
  coredns: { packages: [`github.com/coredns/coredns@v${VERSIONS.coredns}`], ldflags: STRIP, minutes: 3 },
};

/** Builds what is missing of a level's programs. Quick when nothing is; safe to call from several processes at once. */
export async function build(level: Level, print: Print): Promise<void> {
  await Promise.all(LANES[level].map((sets) => buildLane(sets, print)));
}

async function buildLane(sets: ProgramSet[], print: Print): Promise<void> {
  for (const set of sets) {
    if (existsSync(programFolder(set))) continue;
    await withLock(`${programFolder(set)}.lock`, print, async () => {
      if (!existsSync(programFolder(set))) await buildSet(set, print);
    });
  }
}

async function buildSet(set: ProgramSet, print: Print): Promise<void> {
  const { cwd, packages, output, ldflags, minutes } = RECIPES[set];
  const folder = programFolder(set);
  // Built aside and renamed: a folder that is there is whole, whatever ended an earlier build.
  const unfinished = `${folder}.building`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const flags = ['-trimpath', '-ldflags', ldflags];
  const args = output
    ? ['build', ...flags, '-o', join(unfinished, output), ...packages]
    : ['install', ...flags, ...packages];
  const progress = startProgress(`building ${set} from source, about ${minutes} min the first time`, print);
  try {
    // `go install package@version` outside any module.
    await go(args, cwd ?? unfinished, { GOBIN: unfinished });
  } catch (error) {
    progress.fail();
    throw error;
  }
  renameSync(unfinished, folder);
  progress.done();
}
