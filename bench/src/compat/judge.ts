/** What a process noted, by Redis' clock. */
export interface RunEvent {
  readonly atMs: number;
  readonly worker: string;
  readonly queue: string;
  readonly key: string;
  readonly event: string;
}

export interface Evidence {
  /** Keys of all jobs that were added. */
  readonly added: readonly string[];
  /** In the order of Redis' clock. */
  readonly events: readonly RunEvent[];
  /** Workers that were killed; those that were told to leave are not among them. */
  readonly killed: ReadonlyMap<string, number>;
  /** From when the Queue said that a pause is in effect, until its end was asked for. */
  readonly pauses: readonly { readonly queue: string; readonly fromMs: number; readonly toMs: number }[];
  readonly limit: { readonly queue: string; readonly max: number; readonly windowMs: number };
}

export interface Verdict {
  /** Jobs without an effect. */
  readonly lost: number;
  /** Effects beyond the first, and beyond one per kill that came while the job ran or was just being recorded. */
  readonly duplicatedEffects: number;
  /** Effects beyond the first that such a kill explains: at-least-once. */
  readonly repeatedAfterKills: number;
  /** Runs that a kill ended: they show that the kills came at work. */
  readonly interruptedRuns: number;
  readonly startsWhilePaused: number;
  /** Starts beyond what the windows of the rate limit allow over the whole time. */
  readonly startsOverLimit: number;
}

/** A job that was fetched just before a pause is noted a little later, by a process that other processes keep waiting. */
export const NOTED_WITHIN_MS = 1_000;
/** The end of a job is recorded within this time after its effect. */
const RECORDED_WITHIN_MS = 1_000;

/** What the runs of all jobs came to. Pure. */
export function judge({ added, events, killed, pauses, limit }: Evidence): Verdict {
  const byKey = Map.groupBy(events, ({ key }) => key);
  let [lost, duplicatedEffects, repeatedAfterKills] = [0, 0, 0];
  for (const key of added) {
    const own = byKey.get(key) ?? [];
    const effects = own.filter(({ event }) => event === 'effect').length;
    if (effects === 0) lost++;
    const repeated = Math.max(0, effects - 1);
    const explained = Math.min(repeated, killsWhileRunning(own, killed));
    repeatedAfterKills += explained;
    duplicatedEffects += repeated - explained;
  }
  const lastOfRuns = new Map(events.map((event) => [`${event.worker} ${event.key}`, event]));
  const interrupted = [...lastOfRuns.values()].filter(({ worker, event }) => event === 'start' && killed.has(worker));
  const starts = events.filter(({ event }) => event === 'start');
  const startsWhilePaused = pauses.reduce((sum, { queue, fromMs, toMs }) => {
    const within = ({ atMs }: RunEvent): boolean => atMs > fromMs + NOTED_WITHIN_MS && atMs < toMs;
    return sum + starts.filter((start) => start.queue === queue && within(start)).length;
  }, 0);
  return {
    lost,
    duplicatedEffects,
    repeatedAfterKills,
    interruptedRuns: interrupted.length,
    startsWhilePaused,
    startsOverLimit: overLimit(starts, limit),
  };
}

/** How many killed workers had the job in hand when they died. */
function killsWhileRunning(own: readonly RunEvent[], killed: ReadonlyMap<string, number>): number {
  const last = new Map(own.map((event) => [event.worker, event]));
  return [...last.values()].filter(({ worker, event, atMs }) => {
    const killedMs = killed.get(worker);
    return killedMs !== undefined && (event === 'start' || atMs > killedMs - RECORDED_WITHIN_MS);
  }).length;
}

/** A window begins with its first start: over a time, at most one more than whole windows fit into it, at both ends. */
function overLimit(starts: readonly RunEvent[], { queue, max, windowMs }: Evidence['limit']): number {
  const own = starts.filter((start) => start.queue === queue);
  if (own.length === 0) return 0;
  const windows = Math.ceil((own.at(-1)!.atMs - own[0]!.atMs) / windowMs) + 1;
  return Math.max(0, own.length - windows * max);
}
