import { findCondition, NAMESPACES, type KubeClient } from '@redis-queue/controller';
import type { ApiAnswer } from '../api-proxy/api-proxy.ts';
import type { ApiWrite } from '../api-proxy/api-write.ts';
import { FAULTS, type Fault } from '../api-proxy/faults.ts';
import { eventually } from '../waiting/eventually.ts';
import type { WithConditions } from '../controllers/objects.ts';
import type { RunningController } from '../controllers/running-controller.ts';
import { REASONS, type CellResult, type WriteCase } from './write-case.ts';

/** What the cells of a matrix share. */
export interface CellScene {
  readonly client: KubeClient;
  readonly controller: RunningController;
  /** The reasons that an object gives while nothing is wrong. */
  readonly good: readonly string[];
  /** Makes a namespace with what every object needs. */
  readonly prepare: (namespace: string) => Promise<unknown>;
  /** The object of a namespace that the write is for, as it is now. */
  readonly objectOf: (namespace: string, write: WriteCase) => WithConditions | undefined;
}

/** As long as it takes a back-off to get as long as it may. */
const FAULT_MS = 10_000;
const PATIENCE = { timeoutMs: 30_000, intervalMs: 100 };
const ERRORS = /^controller_runtime_reconcile_errors_total\{/;

/** One kind of write that meets one fault, on an object in a namespace of its own. */
export class Cell {
  readonly namespace: string;
  readonly write: WriteCase;
  readonly fault: Fault;
  #isArmed = false;
  #firstMs: number | undefined;
  #lastMs = 0;

  constructor(namespace: string, write: WriteCase, fault: Fault) {
    this.namespace = namespace;
    this.write = write;
    this.fault = fault;
  }

  /** Whether the controller has met the fault. */
  get hasBegun(): boolean {
    return this.#firstMs !== undefined;
  }

  /** What the API server answers instead; undefined: the write goes through. */
  answer(kind: string, write: ApiWrite): ApiAnswer | Promise<never> | undefined {
    if (!this.#isArmed || kind !== this.write.write) return undefined;
    this.#lastMs = Date.now();
    this.#firstMs ??= this.#lastMs;
    return FAULTS[this.fault](write);
  }

  async run(scene: CellScene): Promise<CellResult> {
    const { client, controller, prepare } = scene;
    const { write, fault, namespace } = this;
    await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await prepare(namespace);
    await write.before?.(namespace);
    const errorsBefore = await controller.sumOf(ERRORS);
    this.#isArmed = true;
    await write.trigger(namespace);
    const description = `${write.name}, ${fault}: the write`;
    const firstMs = await eventually(() => this.#firstMs, { ...PATIENCE, description });
    const reported = await this.#reported(scene, errorsBefore);
    // The fault ends right after a try, so that the recovery is the slowest that there is.
    const latestMs = Date.now() + FAULT_MS + 10_000;
    const lastTry = { timeoutMs: FAULT_MS + 10_000, intervalMs: 5 };
    await eventually(() => this.#lastMs > firstMs + FAULT_MS || Date.now() > latestMs, lastTry);
    this.#isArmed = false;
    const endedMs = Date.now();
    const wellMs = await eventually(() => this.#isWell(scene) && Date.now(), PATIENCE).catch(() => undefined);
    return {
      write: write.name,
      fault,
      reportedMs: reported && Math.max(0, reported.atMs - firstMs),
      report: reported?.text ?? JSON.stringify(scene.objectOf(namespace, write)?.status?.conditions ?? []),
      recoveredMs: wellMs === undefined ? undefined : wellMs - endedMs,
    };
  }

  #reported(scene: CellScene, errorsBefore: number): Promise<{ atMs: number; text: string } | undefined> {
    const { write, fault, namespace } = this;
    const { controller } = scene;
    const inCondition = () => {
      const conditions = scene.objectOf(namespace, write)?.status?.conditions ?? [];
      const found = conditions.find(({ reason, message }) => REASONS[fault].test(reason) && write.names.test(message));
      return found && { atMs: Date.now(), text: `${found.type}=${found.status} ${found.reason}: ${found.message}` };
    };
    const inLog = async () => {
      const line = this.#lineIn(controller.lines);
      if (!line || (await controller.sumOf(ERRORS)) <= errorsBefore) return undefined;
      return { atMs: timeOf(line), text: line };
    };
    const probe = write.shows === 'log' ? inLog : inCondition;
    return eventually<{ atMs: number; text: string } | undefined>(probe, { ...PATIENCE, timeoutMs: 20_000 }).catch(
      () => undefined,
    );
  }

  /** A warning or error about the cell's object, since the controller met the fault. */
  #lineIn(lines: readonly string[]): string | undefined {
    return lines.find(
      (line) =>
        line.includes(`"${this.namespace}"`) &&
        /"level":"(warn|error)"/.test(line) &&
        this.write.names.test(line) &&
        timeOf(line) >= (this.#firstMs ?? Infinity),
    );
  }

  #isWell({ objectOf, good }: CellScene): boolean {
    const object = objectOf(this.namespace, this.write);
    if (this.write.deletes) return object === undefined;
    const conditions = object?.status?.conditions ?? [];
    const ready = findCondition(conditions, 'Ready');
    if (!object || !ready || !good.includes(ready.reason)) return false;
    if (ready.observedGeneration !== object.metadata.generation) return false;
    const fails = conditions.some(({ reason }) => Object.values(REASONS).some((failure) => failure.test(reason)));
    return !fails && (this.write.landed?.(object) ?? true);
  }
}

function timeOf(line: string): number {
  return Date.parse((JSON.parse(line) as { time: string }).time);
}
