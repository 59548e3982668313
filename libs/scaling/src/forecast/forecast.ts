import { autoregression } from './autoregression.ts';
import { EMPTY_BIN, fillBins, type OpenBin } from './bins.ts';
import { hedge, type Hedged } from './hedge.ts';
import { stepsAhead, type ForecastMethod } from './method.ts';
import { smoothing, type Level } from './smoothing.ts';
import { NO_TRUST, settle, worthOf, type Trust } from './trust.ts';

/** The half-life of 30 s of the sizing's own average, on which a forecast has to improve. */
export const AVERAGE = smoothing(0.109);

/** The mean of a slow and a fast average and an autoregression, each weighted by what it was worth lately. */
export function mixtureOf(steps: number): ForecastMethod<Hedged> {
  return hedge([AVERAGE, smoothing(0.3), autoregression(3, 0.99)], steps);
}

/** What is remembered of a queue's arrivals to forecast them. */
export interface ForecastState {
  readonly open: OpenBin;
  readonly mixture: Hedged;
  readonly trust: Trust;
  /** Forecasts whose bins are still to come, the next bin first. */
  readonly pending: readonly number[];
}

export interface ArrivalForecast {
  readonly ratePerSecond: number;
  readonly confidence: number;
}

/** The methods by the bins ahead they are made for; stateless, and few: start times are between a second and an hour. */
const METHODS = new Map<number, ForecastMethod<Hedged>>();

function methodFor(steps: number): ForecastMethod<Hedged> {
  const known = METHODS.get(steps);
  if (known !== undefined) return known;
  const method = mixtureOf(steps);
  METHODS.set(steps, method);
  return method;
}

/**
 * Takes in what arrived between two samples.
 *
 * @param horizonMs how far ahead is predicted: a pod's start time. For another one see `changeHorizon`.
 */
export function observeForecast(
  before: ForecastState | undefined,
  events: number,
  elapsedMs: number,
  horizonMs: number,
): ForecastState {
  const steps = stepsAhead(horizonMs);
  const method = methodFor(steps);
  const state = before ?? { open: EMPTY_BIN, mixture: method.start, trust: NO_TRUST, pending: [] };
  const { full, open } = fillBins(state.open, events, elapsedMs);
  return full.reduce((so, rate) => closeBin(so, rate, method, steps), { ...state, open });
}

function closeBin(state: ForecastState, rate: number, method: ForecastMethod<Hedged>, steps: number): ForecastState {
  const [predicted] = state.pending.length < steps ? [] : state.pending;
  const mixture = method.step(state.mixture, rate);
  return {
    open: state.open,
    mixture,
    // The mixture's first method is the average, whose forecasts it has stored for the same bins.
    trust: predicted === undefined ? state.trust : settle(state.trust, state.mixture.pending[0]![0]!, predicted, rate),
    pending: [...state.pending, method.predict(mixture, steps)].slice(-steps),
  };
}

/** What is remembered for another time ahead: what forecasts were worth for one says little of another. */
export function changeHorizon(state: ForecastState, fromMs: number, toMs: number): ForecastState {
  if (stepsAhead(fromMs) === stepsAhead(toMs)) return state;
  return { ...state, mixture: { ...state.mixture, pending: [] }, trust: NO_TRUST, pending: [] };
}

/** Jobs per second, as the sizing's own average has them; 0 before the first bin. */
export function averageRate({ mixture }: ForecastState): number {
  return AVERAGE.predict(mixture.states[0] as Level, 1);
}

/** What is expected at the horizon; absent until as much time was seen as is to be predicted. */
export function estimateForecast(state: ForecastState | undefined, horizonMs: number): ArrivalForecast | undefined {
  const last = state?.pending.at(-1);
  if (state === undefined || last === undefined || state.pending.length < stepsAhead(horizonMs)) return undefined;
  return { ratePerSecond: last, confidence: worthOf(state.trust) };
}
