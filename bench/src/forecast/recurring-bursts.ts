import {
  BIN_MS,
  NO_RECURRENCE,
  observeRecurrence,
  regularity,
  type ForecastMethod,
  type Recurrence,
} from '@redis-queue/scaling/forecast';

interface WithBursts<State> {
  readonly inner: State;
  readonly recurrence: Recurrence;
  readonly usualRate: number;
  readonly nowMs: number;
}

/** As the sizing has it: what was not forecast half of the time is not acted on. */
const LEAST_REGULARITY = 0.5;
/** How fast the usual rate follows, which bursts stand out from: as the sizing's average, half in 30 s. */
const USUAL_SHARE = 0.109;

/** `method`, and on top of it the bursts that are expected because they came at regular intervals. */
export function withBursts<State>(method: ForecastMethod<State>): ForecastMethod<WithBursts<State>> {
  return {
    name: `${method.name} + recurring bursts`,
    start: { inner: method.start, recurrence: NO_RECURRENCE, usualRate: 0, nowMs: 0 },
    step: ({ inner, recurrence, usualRate, nowMs: before }, rate) => {
      const nowMs = before + BIN_MS;
      const arrived = { events: (rate * BIN_MS) / 1_000, elapsedMs: BIN_MS, usualRate, waitsMs: [] };
      return {
        inner: method.step(inner, rate),
        recurrence: observeRecurrence(recurrence, arrived, Infinity, nowMs),
        usualRate: usualRate + USUAL_SHARE * (rate - usualRate),
        nowMs,
      };
    },
    predict: ({ inner, recurrence, nowMs }, steps) => {
      const [fromMs, toMs] = [nowMs + (steps - 1) * BIN_MS, nowMs + steps * BIN_MS];
      const jobs = (regularity(recurrence) < LEAST_REGULARITY ? [] : recurrence.expected)
        // A burst is dated to a second before the sample that showed it.
        .filter(({ atMs }) => atMs + 1_000 > fromMs && atMs + 1_000 <= toMs)
        .reduce((sum, burst) => sum + burst.jobs, 0);
      return method.predict(inner, steps) + (jobs * 1_000) / BIN_MS;
    },
  };
}
