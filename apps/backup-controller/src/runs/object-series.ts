import type { ObjectMemory, Resource } from '@redis-queue/controller';
import { Counter, Gauge, type Registry } from 'prom-client';

type Labels<L extends string> = Readonly<Record<'namespace' | L, string>>;

interface Entry<L extends string, S> {
  readonly labels: Labels<L>;
  readonly state: Partial<S>;
  /** With which failures were counted. */
  readonly reasons: Set<string>;
}

export interface ObjectSeriesOptions<L extends string> {
  /** Of the object's name. */
  readonly label: L;
  /** Of failures: any other is counted as `Other`, so that their number is bounded whatever a status says. */
  readonly reasons: object;
  readonly failures: { readonly name: string; readonly help: string };
}

/**
 * Metrics with a series per object of a kind; those of a deleted one are removed.
 *
 * @typeParam S what is remembered of an object, for metrics that are computed when they are asked for.
 */
export class ObjectSeries<L extends string, S extends object = object> implements ObjectMemory {
  readonly #registers: Registry[];
  readonly #label: L;
  readonly #reasons: object;
  readonly #metrics: (Gauge | Counter)[] = [];
  readonly #failures: Counter;
  readonly #entries = new Map<string, Entry<L, S>>();

  constructor(registry: Registry, { label, reasons, failures }: ObjectSeriesOptions<L>) {
    this.#registers = [registry];
    this.#label = label;
    this.#reasons = reasons;
    this.#failures = new Counter({
      ...failures,
      labelNames: [...this.#labelNames, 'reason'],
      registers: this.#registers,
    });
  }

  gauge(name: string, help: string): Gauge {
    return this.#registered(new Gauge({ name, help, labelNames: this.#labelNames, registers: this.#registers }));
  }

  counter(name: string, help: string): Counter {
    return this.#registered(new Counter({ name, help, labelNames: this.#labelNames, registers: this.#registers }));
  }

  /** A gauge of what `valueOf` says of each object when it is asked for; undefined: none of that object. */
  computed(name: string, help: string, valueOf: (state: Partial<S>) => number | undefined): void {
    const entries = this.#entries;
    // oxlint-disable-next-line no-new -- the registry has it
    new Gauge({
      name,
      help,
      labelNames: this.#labelNames,
      registers: this.#registers,
      collect() {
        this.reset();
        for (const { labels, state } of entries.values()) {
          const value = valueOf(state);
          if (value !== undefined) this.set({ ...labels }, value);
        }
      },
    });
  }

  /** Notes what is known of an object now, beside what was. @returns its labels. */
  note(object: Resource, state: Partial<S> = {}): Labels<L> {
    const entry = this.#of(object);
    Object.assign(entry.state, state);
    return entry.labels;
  }

  failed(object: Resource, reason: string): void {
    const { labels, reasons } = this.#of(object);
    const known = Object.hasOwn(this.#reasons, reason) ? reason : 'Other';
    reasons.add(known);
    this.#failures.inc({ ...labels, reason: known });
  }

  forget(uid: string): void {
    const entry = this.#entries.get(uid);
    if (!entry) return;
    this.#entries.delete(uid);
    const { labels, reasons } = entry;
    for (const metric of this.#metrics) metric.remove({ ...labels });
    for (const reason of reasons) this.#failures.remove({ ...labels, reason });
  }

  get #labelNames(): string[] {
    return ['namespace', this.#label];
  }

  #registered<M extends Gauge | Counter>(metric: M): M {
    this.#metrics.push(metric);
    return metric;
  }

  #of({ metadata: { uid = '', namespace = '', name } }: Resource): Entry<L, S> {
    const labels = { namespace, [this.#label]: name } as Labels<L>;
    const entry = this.#entries.get(uid) ?? { labels, state: {}, reasons: new Set<string>() };
    this.#entries.set(uid, entry);
    return entry;
  }
}

/** How many seconds ago a time in Unix ms was, 0 when it is ahead. */
export function ageSeconds(sinceMs: number, nowMs: number): number {
  return Math.max(0, nowMs - sinceMs) / 1_000;
}
