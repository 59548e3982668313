import { setTimeout as delay } from 'node:timers/promises';
import type { KubeClient, ResourceType } from '@redis-queue/controller';
import { startApiProxy } from '../api-proxy/api-proxy.ts';
import { kindOfWrite } from '../api-proxy/api-write.ts';
import { FAULT_NAMES } from '../api-proxy/faults.ts';
import type { WithConditions } from '../controllers/objects.ts';
import type { Rig } from '../controllers/rig.ts';
import type { RunningController } from '../controllers/running-controller.ts';
import { Cell, type CellScene } from './cell.ts';
import type { CellResult, WriteCase } from './write-case.ts';

export interface MatrixOptions extends Pick<CellScene, 'good' | 'prepare'> {
  readonly rig: Rig;
  /** Of the objects that the writes are for, unless their case says otherwise: one in each namespace. */
  readonly type: ResourceType;
  readonly cases: readonly WriteCase[];
  /** Starts the controller, by this way to the API server. */
  readonly start: (kubeconfigPath: string) => Promise<RunningController>;
}

export interface MatrixResult {
  readonly cells: readonly CellResult[];
  /** Every kind of write that the controller did or tried. */
  readonly seen: ReadonlySet<string>;
}

export interface MatrixFigures {
  readonly cells: number;
  readonly worstConditionMs: number;
  readonly worstRecoveryMs: number;
  /** Cells in which nothing ever named the failure. */
  readonly silent: number;
}

/**
 * Has a controller meet every fault at every kind of its writes, each on an object in a namespace of its own, all at
 * once. When a fault ends, what hung before hangs on, and whatever comes after it goes through.
 */
export async function runFailureMatrix(options: MatrixOptions): Promise<MatrixResult> {
  const { rig, type, good, prepare } = options;
  const cells = options.cases
    .flatMap((write) => FAULT_NAMES.map((fault) => ({ write, fault })))
    .map(({ write, fault }, index) => new Cell(`cell-${index}`, write, fault));
  const byNamespace = new Map(cells.map((cell) => [cell.namespace, cell]));
  await using proxy = await startApiProxy(rig.controlPlane, (write) =>
    byNamespace.get(write.namespace)?.answer(kindOfWrite(write), write),
  );
  const controller = await options.start(proxy.kubeconfigPath);
  const end = new AbortController();
  const typeOf = (write: WriteCase): ResourceType => write.type ?? type;
  const objects = new Map<ResourceType, ObjectsByNamespace>();
  for (const each of options.cases) objects.set(typeOf(each), new Map());
  const following = [...objects].map(([each, found]) => follow(rig.client, each, found, end.signal));
  const background = Promise.all([...following, help(cells, end.signal)]);
  try {
    const objectOf: CellScene['objectOf'] = (namespace, write) => objects.get(typeOf(write))?.get(namespace);
    const scene = { client: rig.client, controller, good, prepare, objectOf };
    const results = await Promise.all(cells.map((cell) => cell.run(scene)));
    return { cells: results, seen: new Set(proxy.writes.map(kindOfWrite)) };
  } finally {
    end.abort();
    await background;
    await controller.stop();
  }
}

/** Prints a line per cell, and the figures as one JSON object. @returns the figures */
export function printMatrix(app: string, { cells }: MatrixResult): MatrixFigures {
  for (const { write, fault, reportedMs, recoveredMs, report } of cells) {
    process.stdout.write(`${write}, ${fault}: ${reportedMs} ms, ${recoveredMs} ms; ${report.slice(0, 200)}\n`);
  }
  const figures = {
    cells: cells.length,
    worstConditionMs: worstOf(cells.map(({ reportedMs }) => reportedMs)),
    worstRecoveryMs: worstOf(cells.map(({ recoveredMs }) => recoveredMs)),
    silent: cells.filter(({ reportedMs }) => reportedMs === undefined).length,
  };
  process.stdout.write(`${JSON.stringify({ matrix: app, ...figures })}\n`);
  return figures;
}

function worstOf(times: readonly (number | undefined)[]): number {
  return Math.max(...times.map((ms) => ms ?? Infinity));
}

type ObjectsByNamespace = Map<string, WithConditions>;

/** Keeps `objects` as they are. */
async function follow(
  client: KubeClient,
  type: ResourceType,
  objects: ObjectsByNamespace,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- a look after the other
    const { items } = await client.list<WithConditions>(type);
    objects.clear();
    for (const object of items) objects.set(object.metadata.namespace ?? '', object);
    // oxlint-disable-next-line no-await-in-loop -- see above
    await delay(100, undefined, { signal }).catch(() => undefined);
  }
}

async function helpCell({ write, namespace }: Cell): Promise<void> {
  await write.meanwhile?.(namespace).catch(() => undefined);
}

/** Does what somebody else of the product does all the time; what fails comes again. */
async function help(cells: readonly Cell[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- a round after the other
    await Promise.all(cells.filter(({ hasBegun }) => hasBegun).map(helpCell));
    // oxlint-disable-next-line no-await-in-loop -- see above
    await delay(500, undefined, { signal }).catch(() => undefined);
  }
}
