import type { Clock, ObjectKey, ObjectMemory } from '@redis-queue/controller';
import { PostponedError } from './failure.ts';
import { OutdatedError } from './outdated-error.ts';
import type { RunPlaces, RunPurpose } from './run-places.ts';

/** How a run ended. */
export type RunEnd<R> = (
  { readonly ok: true; readonly result: R } | { readonly ok: false; readonly error: unknown }
) & {
  /** From when it had a place. */
  readonly tookMs: number;
};

/** What this process knows of the run of an object; nothing depends on it but how soon the object is looked at again. */
export type RunState<P, R> = {
  /** What it does, where a kind has several things to do for an object. */
  readonly task: string;
} & (
  | { readonly phase: 'waiting' }
  | { readonly phase: 'running'; readonly progress?: P }
  | { readonly phase: 'ended'; readonly end: RunEnd<R> }
);

/** Whose run it is, and what it does. */
export interface RunOf {
  readonly uid: string;
  readonly key: ObjectKey;
  readonly task: string;
  readonly purpose: RunPurpose;
}

export interface RunContext<P> {
  /** Aborts when the run is to end: the object goes, its deadline passes, or the process does not lead any more. */
  readonly signal: AbortSignal;
  /** Notes how far it is. */
  readonly report: (progress: P) => void;
}

/** After so long a run is begun again that was postponed. */
const POSTPONED_MS = 30_000;
/** And that one which its object had outdated: the cache is about to show it. */
const OUTDATED_MS = 1_000;

export interface RunsOptions {
  readonly places: RunPlaces;
  /** Monotonic, in ms. */
  readonly elapsedMs: () => number;
  readonly after: Clock['after'];
  /** Called when a run begins and when it ends: the object is to be reconciled. */
  readonly onChange: (key: ObjectKey) => void;
}

/** Where nothing is known of a run. */
export const NO_RUNS = { stateOf: (): undefined => undefined };

interface Entry<P, R> {
  readonly namespace: string;
  readonly abort: AbortController;
  /** When it got its place, by `elapsedMs`. */
  beganMs: number;
  state: RunState<P, R>;
}

/** The runs of the objects of a kind, one at most for each, by uid. */
export class Runs<P, R> implements ObjectMemory {
  readonly #options: RunsOptions;
  readonly #entries = new Map<string, Entry<P, R>>();

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  /**
   * Begins a run as soon as there is a place; nothing while the object has one that has not ended. How many wait is not
   * bounded but by the objects that there are, so `body` holds no more than names: what it needs it reads when it is
   * called, as `lookAgain` does.
   */
  begin(runOf: RunOf, body: (context: RunContext<P>) => Promise<R>): void {
    const { uid, key, task } = runOf;
    const known = this.#entries.get(uid);
    if (known && known.state.phase !== 'ended') return;
    const abort = new AbortController();
    const entry: Entry<P, R> = {
      namespace: key.namespace ?? '',
      abort,
      beganMs: this.#options.elapsedMs(),
      state: { task, phase: 'waiting' },
    };
    this.#entries.set(uid, entry);
    void this.#run(runOf, entry, body);
  }

  stateOf(uid: string): RunState<P, R> | undefined {
    return this.#entries.get(uid)?.state;
  }

  /** How many have a place now. */
  get running(): number {
    return [...this.#entries.values()].filter(({ state }) => state.phase === 'running').length;
  }

  /** By namespace: for how many ms the oldest of its runs that have a place has had it. */
  oldestMs(): ReadonlyMap<string, number> {
    const nowMs = this.#options.elapsedMs();
    const ages = new Map<string, number>();
    for (const { namespace, beganMs, state } of this.#entries.values())
      if (state.phase === 'running') ages.set(namespace, Math.max(ages.get(namespace) ?? 0, nowMs - beganMs));
    return ages;
  }

  /** Has a run end, and its object reconciled then. */
  abort(uid: string, reason: Error): void {
    this.#entries.get(uid)?.abort.abort(reason);
  }

  /** Forgets the run, which ends if it has not. */
  forget(uid: string): void {
    this.#entries.get(uid)?.abort.abort(new Error('the object is gone'));
    this.#entries.delete(uid);
  }

  async #run(
    { uid, key, task, purpose }: RunOf,
    entry: Entry<P, R>,
    body: (context: RunContext<P>) => Promise<R>,
  ): Promise<void> {
    const { places, elapsedMs, after, onChange } = this.#options;
    const change = (state: RunState<P, R>): void => {
      entry.state = state;
      onChange(key);
    };
    const run = (signal: AbortSignal): Promise<R> => {
      entry.beganMs = elapsedMs();
      change({ task, phase: 'running' });
      const report = (progress: P): void => {
        if (entry.state.phase === 'running') entry.state = { task, phase: 'running', progress };
      };
      return body({ signal, report });
    };
    let end: RunEnd<R>;
    try {
      const result = await places.run({ namespace: key.namespace ?? '', uid, purpose }, entry.abort.signal, run);
      end = { ok: true, result, tookMs: elapsedMs() - entry.beganMs };
    } catch (error) {
      end = { ok: false, error, tookMs: elapsedMs() - entry.beganMs };
    }
    change({ task, phase: 'ended', end });
    const againMs = end.ok ? undefined : againAfterMs(end.error);
    if (againMs === undefined) return;
    after(againMs, () => {
      if (this.#entries.get(uid) !== entry) return;
      this.#entries.delete(uid);
      onChange(key);
    });
  }
}

function againAfterMs(error: unknown): number | undefined {
  if (error instanceof OutdatedError) return OUTDATED_MS;
  return error instanceof PostponedError ? POSTPONED_MS : undefined;
}
