import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export const workspaceRoot = resolve(import.meta.dirname, '../../../..');

/** The Go module of Kubernetes, in one binary, and of Helm, containerd and CoreDNS, which share many of its packages. */
export const goModule = join(workspaceRoot, 'tools/cluster/binaries');

/** The Go module of KEDA's operator and metrics adapter. */
const kedaModule = join(workspaceRoot, 'bench/keda/binaries');

/**
 * The Go module of what kstatus and Argo CD say of an object. It has the versions of `goModule`, and so shares what is
 * compiled of it; in that module, its few packages would have everything compiled again where it is built already.
 */
export const healthModule = join(workspaceRoot, 'tools/cluster/health');

/** The Go module of what Prometheus makes of rules. */
export const alertsModule = join(workspaceRoot, 'tools/cluster/alerts');

/** The Go module of the S3 server, none of whose packages anything else has. */
export const s3Module = join(workspaceRoot, 'tools/cluster/s3');

/** The Go module of the server of AWS KMS' protocol. */
const kmsModule = join(workspaceRoot, 'tools/cluster/kms');

export const VERSIONS = {
  kubernetes: '1.36.3',
  helm: '3.21.0',
  containerd: '2.3.4',
  coredns: '1.14.3',
  keda: '2.21.0',
  'cli-utils': '0.37.2',
  prometheus: '0.314.0',
  versitygw: '1.8.0',
  'local-kms': '0.0.0-20260228092603-2a5e92d09ab6',
} as const;

/** What the project downloads or builds once for every checkout: `REDIS_QUEUE_CACHE`, else in the user's cache. */
export function cacheFolder(): string {
  const { REDIS_QUEUE_CACHE, XDG_CACHE_HOME } = process.env;
  return REDIS_QUEUE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'redis-queue');
}

/**
 * A set of programs built together, in a folder named for what it was built from, so that a change builds again and two
 * checkouts do not disturb each other. `kube` is etcd, every Kubernetes component and kubectl in one; `keda` is
 * `operator` and `adapter`; `health` tells what kstatus and Argo CD say of objects, and Prometheus' linter of metrics;
 * `alerts` which alerts of Prometheus rules fire; `s3` is `versitygw`, an S3 server over files; `kms` is `local-kms`, which speaks the protocol of AWS KMS.
 */
export type ProgramSet = 'kube' | 'helm' | 'containerd' | 'coredns' | 'keda' | 'health' | 'alerts' | 's3' | 'kms';

export function programFolder(set: ProgramSet): string {
  return join(cacheFolder(), 'bin', `${process.platform}-${process.arch}`, `${set}-${versionKey(set)}`);
}

const VERSION_OF: Record<ProgramSet, string> = {
  ...VERSIONS,
  kube: VERSIONS.kubernetes,
  health: VERSIONS['cli-utils'],
  alerts: VERSIONS.prometheus,
  s3: VERSIONS.versitygw,
  kms: VERSIONS['local-kms'],
};

const MODULE_OF: Partial<Record<ProgramSet, string>> = {
  keda: kedaModule,
  health: healthModule,
  alerts: alertsModule,
  s3: s3Module,
  kms: kmsModule,
};

/** The Go module that pins a set. */
export function moduleOf(set: ProgramSet): string {
  return MODULE_OF[set] ?? goModule;
}

/** The sources of our own that a set is built from; the package of the others is in a module that `go.mod` pins. */
const OWN_SOURCES: Partial<Record<ProgramSet, readonly string[]>> = {
  kube: ['kube/main.go'],
  containerd: ['containerd/main.go'],
  coredns: ['coredns/main.go'],
  health: ['main.go'],
  alerts: ['main.go', 'series.go'],
};

function versionKey(set: ProgramSet): string {
  const hash = createHash('sha256');
  for (const file of [...(OWN_SOURCES[set] ?? []), 'go.mod', 'go.sum'])
    hash.update(readFileSync(join(moduleOf(set), file)));
  return `${VERSION_OF[set]}-${hash.digest('hex').slice(0, 12)}`;
}

/** What to ask `cluster build` for. */
const LEVELS: Record<ProgramSet, string> = {
  kube: 'control-plane',
  helm: 'control-plane',
  health: 'control-plane',
  alerts: 'control-plane',
  s3: 'control-plane',
  kms: 'control-plane',
  containerd: 'node',
  coredns: 'node',
  keda: 'keda',
};

/**
 * Path of a built program.
 * @throws when it is not built yet, with the command that builds it.
 */
export function program(set: ProgramSet, name: string = set): string {
  const path = join(programFolder(set), name);
  if (existsSync(path)) return path;
  throw new Error(`${name} is not built yet (${path}); run: tools/cluster/cluster build ${LEVELS[set]}`);
}
