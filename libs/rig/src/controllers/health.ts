import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCondition, type KubeClient, type ResourceType } from '@redis-queue/controller';
import { temporaryFolder } from '../processes/process.ts';
import { program, workspaceRoot } from '../programs/binaries.ts';
import { eventually } from '../waiting/eventually.ts';
import type { WithConditions } from './objects.ts';

/** What other tools say of one state of an object. */
export interface Health {
  readonly object: WithConditions;
  /** Computed by kstatus' own library: InProgress, Current, Failed, Terminating. */
  readonly kstatus: string;
  /** Computed by the health check of docs/argo-cd.md: Progressing, Healthy, Degraded. */
  readonly argo: string;
  /** What Argo CD shows beside it. */
  readonly message: string;
}

/** Every state that an object of one kind and namespace has gone through. */
export interface Recording {
  /**
   * What tools say of the states since the last call, in order, up to the one of that version: a watch shows an object
   * a moment later than a read does.
   */
  next(resourceVersion?: string): Promise<Health[]>;
  stop(): void;
}

/** Records every state that the API server shows of the objects of a kind in a namespace, from now on. */
export async function recordHealth(client: KubeClient, type: ResourceType, namespace: string): Promise<Recording> {
  const {
    metadata: { resourceVersion = '' },
  } = await client.list(type, { namespace });
  const stream = await client.watch(type, { namespace, resourceVersion, timeoutSeconds: 3_600 });
  let states: WithConditions[] = [];
  let ended: unknown;
  const collect = async (): Promise<void> => {
    for await (const { type: event, object } of stream) {
      if (event === 'ADDED' || event === 'MODIFIED') states.push(object as WithConditions);
    }
    ended = 'it was closed';
  };
  collect().catch((error: unknown) => (ended = error));
  return {
    next: async (version) => {
      const reached = (): boolean =>
        version === undefined || states.some(({ metadata }) => metadata.resourceVersion === version);
      await eventually(() => reached() || ended !== undefined, { description: `the watch to show version ${version}` });
      if (ended !== undefined) throw new Error(`the watch of ${type.plural} has ended`, { cause: ended });
      const found = states;
      states = [];
      return await healthOf(found);
    },
    stop: () => stream.close(),
  };
}

/** What kstatus and Argo CD say of objects, each by its own code. */
export async function healthOf(objects: readonly WithConditions[]): Promise<Health[]> {
  if (objects.length === 0) return [];
  const check = join(temporaryFolder('health'), 'check.lua');
  writeFileSync(check, argoHealthCheck());
  const lines = objects.map((object) => JSON.stringify(object)).join('\n');
  const printed = await runHealth(check, lines);
  const verdicts = printed.trim().split('\n');
  return verdicts.map((line, index) => ({ object: objects[index]!, ...(JSON.parse(line) as Omit<Health, 'object'>) }));
}

/** What `promtool check metrics` says of a page of metrics, a line for each problem; none when nothing is wrong. */
export async function lintMetrics(page: string): Promise<string[]> {
  return (await runHealth('--metrics', page)).split('\n').filter(Boolean);
}

function runHealth(argument: string, input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program('health'), [argument], { maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr.trim() || error.message, { cause: error }));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** The script as users of Argo CD copy it. */
function argoHealthCheck(): string {
  const page = readFileSync(join(workspaceRoot, 'docs/argo-cd.md'), 'utf8');
  const block = /^( *)health\.lua: \|\n((?:\1 +.*\n|\n)+)/m.exec(page)?.[2];
  if (block === undefined) throw new Error('docs/argo-cd.md has no health.lua');
  return block;
}

/** A state in a line, for the message of a test that fails. */
export function describeHealth({ object, kstatus, argo }: Health): string {
  const said = ['Ready', 'Available', 'Degraded'].map((type) => {
    const { status, reason } = findCondition(object.status?.conditions, type) ?? {};
    return `${type}=${status} ${reason}`;
  });
  return `${kstatus} ${argo}: ${said.join(', ')}`;
}

/**
 * What is wrong with a life, as sentences; none when nothing is.
 *
 * @param failing the reasons of Ready that may end being Current while the spec stays the same.
 */
export function contradictions(life: readonly Health[], failing: ReadonlySet<string>): string[] {
  const before = new Map<string, Health>();
  return life.flatMap((state) => {
    const { object, kstatus, argo } = state;
    const { uid = '', generation, deletionTimestamp } = object.metadata;
    const { conditions, observedGeneration } = (object.status ?? {}) as WithConditions['status'] & {
      observedGeneration?: number;
    };
    const is = (type: string, status: string): boolean => findCondition(conditions, type)?.status === status;
    const ready = findCondition(conditions, 'Ready')?.reason ?? '';
    const last = before.get(uid);
    before.set(uid, state);
    const found = {
      'a condition of every object is missing': !['Ready', 'Available', 'Degraded'].every((type) =>
        findCondition(conditions, type),
      ),
      'it is both Reconciling and Stalled': is('Reconciling', 'True') && is('Stalled', 'True'),
      'it is Current and of an old generation': kstatus === 'Current' && observedGeneration !== generation,
      'it is Current and not Ready': kstatus === 'Current' && !is('Ready', 'True'),
      'it has Failed and is not Stalled': kstatus === 'Failed' && !is('Stalled', 'True'),
      'it is Healthy and not Current': argo === 'Healthy' && kstatus !== 'Current',
      'it is Healthy and Degraded': argo === 'Healthy' && is('Degraded', 'True'),
      'it is not Terminating': deletionTimestamp !== undefined && `${kstatus} ${argo}` !== 'Terminating Progressing',
      'it was Current, and is in progress although nothing failed':
        last?.kstatus === 'Current' &&
        kstatus === 'InProgress' &&
        last.object.metadata.generation === generation &&
        !failing.has(ready),
    };
    return Object.entries(found).flatMap(([what, holds]) => (holds ? [`${what}: ${describeHealth(state)}`] : []));
  });
}
