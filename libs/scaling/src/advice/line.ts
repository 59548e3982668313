import type { Instant } from '../model/types.ts';
import { decay } from '../statistics/decaying.ts';

/** What a least-squares line through points (x, y) needs; old points fade. */
export interface DecayingLine {
  readonly atMs: Instant;
  readonly weight: number;
  readonly meanX: number;
  readonly meanY: number;
  /** Weighted sums of squared and crossed deviations from the means. */
  readonly xx: number;
  readonly yy: number;
  readonly xy: number;
}

export const NO_LINE: DecayingLine = { atMs: 0, weight: 0, meanX: 0, meanY: 0, xx: 0, yy: 0, xy: 0 };

/** Adds a point, by Welford's update of the weighted moments (D. H. D. West, 1979), which does not cancel out. */
export function addPoint(
  line: DecayingLine,
  x: number,
  y: number,
  weight: number,
  nowMs: Instant,
  halfLifeMs: number,
): DecayingLine {
  const retained = decay(nowMs - line.atMs, halfLifeMs);
  const before = line.weight * retained;
  const all = before + weight;
  const [dx, dy] = [x - line.meanX, y - line.meanY];
  const crossed = (before * weight) / all;
  return {
    atMs: Math.max(line.atMs, nowMs),
    weight: all,
    meanX: line.meanX + (dx * weight) / all,
    meanY: line.meanY + (dy * weight) / all,
    xx: line.xx * retained + crossed * dx * dx,
    yy: line.yy * retained + crossed * dy * dy,
    xy: line.xy * retained + crossed * dx * dy,
  };
}

/** How much of y's variation the line must explain to be believed. */
const LEAST_EXPLAINED = 0.5;

/**
 * What y grows by when x grows by one.
 *
 * @param leastSpread standard deviation that x must have had: from points on one spot no slope follows.
 * @returns undefined unless the points say so: enough spread, rising, and at least half of y's variation explained
 * (r²).
 */
export function reliableSlope({ weight, xx, yy, xy }: DecayingLine, leastSpread: number): number | undefined {
  if (weight === 0 || xy <= 0 || Math.sqrt(xx / weight) < leastSpread) return undefined;
  return (xy * xy) / (xx * yy) >= LEAST_EXPLAINED ? xy / xx : undefined;
}
