import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { processStartTime } from '@redis-queue/rig';

/** A process, identified for good: pids are used again. */
export interface ProcessId {
  pid: number;
  /** In clock ticks since boot. */
  startTime: string;
}

/** What is known of a cluster outside its processes; written before the first of them starts. */
export interface ClusterState {
  name: string;
  /** Whether it runs pods, in a network namespace of its own. */
  node: boolean;
  /** Number that its host addresses and link names are made from. */
  slot: number;
  /** Who started it and will end it; nobody for `cluster up`, whose clusters stay. */
  owner?: ProcessId;
  /** Known once the cluster is up. */
  kubeconfigPath?: string;
  server?: string;
}

/** Outside the work tree, so that deleting a checkout cannot orphan a running cluster. */
export function clustersFolder(): string {
  return join(process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'redis-queue', 'clusters');
}

export function clusterFolder(name: string): string {
  // Unix sockets below it may be 107 bytes long, names of links 15.
  if (!/^[a-z][a-z0-9-]{0,23}$/.test(name)) {
    throw new Error(`cluster name "${name}": use 1 to 24 of a-z, 0-9 and -, beginning with a letter`);
  }
  return join(clustersFolder(), name);
}

export function readState(name: string): ClusterState | undefined {
  try {
    return JSON.parse(readFileSync(join(clusterFolder(name), 'cluster.json'), 'utf8')) as ClusterState;
  } catch {
    return undefined;
  }
}

export function writeState(state: ClusterState): void {
  const folder = clusterFolder(state.name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'cluster.json');
  writeFileSync(`${file}.new`, JSON.stringify(state, null, 2));
  renameSync(`${file}.new`, file);
}

export function removeState(name: string): void {
  rmSync(clusterFolder(name), { recursive: true, force: true });
}

/** Names of the clusters that left something on disk, running or not. */
export function clusterNames(): string[] {
  if (!existsSync(clustersFolder())) return [];
  const entries = readdirSync(clustersFolder(), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

export function freeSlot(): number {
  const taken = new Set(clusterNames().map((name) => readState(name)?.slot));
  for (let slot = 0; slot < 250; slot++) if (!taken.has(slot)) return slot;
  throw new Error('250 clusters are recorded; end some with: tools/cluster/cluster down --all');
}

export function isAlive({ pid, startTime }: ProcessId): boolean {
  return processStartTime(pid) === startTime;
}
