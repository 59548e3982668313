export { autoregression } from './autoregression.ts';
export {
  AVERAGE,
  estimateForecast,
  mixtureOf,
  observeForecast,
  type ArrivalForecast,
  type ForecastState,
} from './forecast.ts';
export { BIN_MS, stepsAhead, type ForecastMethod } from './method.ts';
export { NO_RECURRENCE, observeRecurrence, regularity, type Recurrence } from './recurrence.ts';
export { smoothing } from './smoothing.ts';
