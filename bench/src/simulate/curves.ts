import { demandSteps, STEP_MS, type Level, type Run } from '@redis-queue/simulator';
import type { Verdict } from './judge.ts';

const WIDTH = 1_200;
const HEIGHT = 420;
const MARGIN = { left: 60, right: 20, top: 64, bottom: 92 } as const;
/** Below the curves, a row of late starts for each of the two. */
const LATE_ROW = 16;
const COLORS = { demand: '#b8b8b8', ours: '#0b6e4f', best: '#c1440e', grid: '#e6e6e6', text: '#333333' } as const;
/** Demand is drawn at this many places at most, the largest of each: more cannot be distinguished. */
const MOST_STEPS = 1_140;
const LONGEST_NAME = 72;
/** At most, of a wide sans-serif at 12 px. */
const CHARACTER_WIDTH = 6.6;

type Point = readonly [atMs: number, pods: number];
interface Series {
  readonly name: string;
  readonly color: string;
  readonly points: readonly Point[];
}

/**
 * Demand and ready pods over time, ours and the best rival's, as an SVG document. Below them ticks where starts waited
 * longer than the target: the darker, the larger their share in that moment.
 */
export function curves(verdict: Verdict, concurrency: number, waitTargetMs: number): string {
  const { workload, ours, best, runs } = verdict;
  const { durationMs } = workload;
  const demand = demandSteps(workload, concurrency).map((pods, step): Point => [step * STEP_MS, pods]);
  const series: Series[] = [
    { name: 'demand: pods that the jobs would keep busy', color: COLORS.demand, points: highest(demand) },
    { name: `${best.scaler}: ${figuresOf(best)}`, color: COLORS.best, points: supplyOf(runs.best, durationMs) },
    { name: `${ours.scaler}: ${figuresOf(ours)}`, color: COLORS.ours, points: supplyOf(runs.ours, durationMs) },
  ];
  const most = niceCeiling(Math.max(1, ...series.flatMap(({ points }) => points.map(([, pods]) => pods))));
  const x = (atMs: number): number =>
    MARGIN.left + ((WIDTH - MARGIN.left - MARGIN.right) * Math.min(atMs, durationMs)) / durationMs;
  const y = (pods: number): number => HEIGHT - MARGIN.bottom - ((HEIGHT - MARGIN.top - MARGIN.bottom) * pods) / most;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" fill="${COLORS.text}">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${MARGIN.left}" y="22" font-size="15">${escaped(workload.name)}: ready pods of ${concurrency} slots, and starts later than ${seconds(waitTargetMs)}</text>`,
    ...legend(series),
    ...podAxis(most, y),
    ...timeAxis(durationMs, x),
    ...series.map(
      ({ color, points }) => `<path fill="none" stroke="${color}" stroke-width="1.3" d="${staircase(points, x, y)}"/>`,
    ),
    ...lateRow(runs.ours, { color: COLORS.ours, name: 'late', row: 0 }, waitTargetMs, durationMs, x),
    ...lateRow(runs.best, { color: COLORS.best, name: 'late', row: 1 }, waitTargetMs, durationMs, x),
    '</svg>',
    '',
  ].join('\n');
}

function legend(series: readonly Series[]): string[] {
  let left = MARGIN.left;
  return series.map(({ name, color }) => {
    const shown = name.slice(0, LONGEST_NAME);
    const mark = `<rect x="${left}" y="40" width="18" height="4" fill="${color}"/>`;
    const label = `<text x="${left + 24}" y="46" font-size="12">${escaped(shown)}</text>`;
    left += 24 + shown.length * CHARACTER_WIDTH + 16;
    return mark + label;
  });
}

function podAxis(most: number, y: (pods: number) => number): string[] {
  const title = `<text x="14" y="${(MARGIN.top + HEIGHT - MARGIN.bottom) / 2}" font-size="12" transform="rotate(-90 14 ${(MARGIN.top + HEIGHT - MARGIN.bottom) / 2})" text-anchor="middle">pods</text>`;
  const lines = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => {
    const pods = share * most;
    return [
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(pods)}" y2="${y(pods)}" stroke="${COLORS.grid}"/>`,
      `<text x="${MARGIN.left - 8}" y="${y(pods) + 4}" text-anchor="end" font-size="12">${Number(pods.toFixed(2))}</text>`,
    ];
  });
  return [title, ...lines];
}

function timeAxis(durationMs: number, x: (atMs: number) => number): string[] {
  const [unitMs, unit] =
    durationMs > 2 * 86_400_000 ? [86_400_000, 'd'] : durationMs > 3 * 3_600_000 ? [3_600_000, 'h'] : [60_000, 'min'];
  const each = niceCeiling(durationMs / unitMs / 8);
  const ticks = Math.floor(durationMs / unitMs / each);
  return Array.from({ length: ticks + 1 }, (_, tick) => {
    const at = x(tick * each * unitMs);
    const label = `<text x="${at}" y="${HEIGHT - 14}" text-anchor="middle" font-size="12">${Number((tick * each).toFixed(2))} ${unit}</text>`;
    return `<line x1="${at}" x2="${at}" y1="${HEIGHT - MARGIN.bottom}" y2="${HEIGHT - 30}" stroke="${COLORS.grid}"/>${label}`;
  });
}

/** A tick for each moment (a pixel) in which starts were late. */
function lateRow(
  { waitsMs, startedMs }: Run,
  { color, name, row }: { color: string; name: string; row: number },
  waitTargetMs: number,
  durationMs: number,
  x: (atMs: number) => number,
): string[] {
  const pixels = WIDTH - MARGIN.left - MARGIN.right;
  const starts = new Uint32Array(pixels + 1);
  const late = new Uint32Array(pixels + 1);
  startedMs.forEach((atMs, start) => {
    const pixel = Math.min(pixels, Math.floor((pixels * atMs) / durationMs));
    starts[pixel]!++;
    if (waitsMs[start]! > waitTargetMs) late[pixel]!++;
  });
  const top = HEIGHT - MARGIN.bottom + 8 + row * (LATE_ROW + 6);
  const ticks = Array.from(late).flatMap((count, pixel) => {
    if (count === 0) return [];
    const opacity = Math.max(0.25, count / starts[pixel]!).toFixed(2);
    return `<rect x="${x((pixel * durationMs) / pixels).toFixed(1)}" y="${top}" width="1.5" height="${LATE_ROW}" opacity="${opacity}"/>`;
  });
  const label = `<text x="${MARGIN.left - 8}" y="${top + 12}" text-anchor="end" font-size="12" fill="${color}">${name}</text>`;
  return [label, `<g fill="${color}">${ticks.join('')}</g>`];
}

function supplyOf({ supply }: Run, durationMs: number): Point[] {
  const points = supply.filter(({ atMs }) => atMs <= durationMs).map(({ atMs, pods }: Level): Point => [atMs, pods]);
  return [...points, [durationMs, points.at(-1)?.[1] ?? 0]];
}

/** As many points as can be drawn, each the highest of those it stands for: a peak must not vanish. */
function highest(points: readonly Point[]): Point[] {
  const each = Math.max(1, Math.ceil(points.length / MOST_STEPS));
  return points.flatMap(([atMs], index) => {
    if (index % each !== 0) return [];
    return [[atMs, Math.max(...points.slice(index, index + each).map(([, pods]) => pods))] as const];
  });
}

function staircase(points: readonly Point[], x: (atMs: number) => number, y: (pods: number) => number): string {
  return points
    .map(([atMs, pods], index) => {
      const [left, height] = [x(atMs).toFixed(1), y(pods).toFixed(1)];
      return index === 0 ? `M${left} ${height}` : `H${left}V${height}`;
    })
    .join('');
}

/** 1, 2, 4 or 5 times a power of ten, the next larger. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 4, 5, 10].find((factor) => factor * power >= value - 1e-9) ?? 10);
}

function figuresOf({ misses, podSeconds }: Verdict['ours']): string {
  return `${(misses * 100).toFixed(2)} % late, ${(podSeconds / 3_600).toFixed(1)} pod-hours`;
}

function seconds(ms: number): string {
  return `${ms / 1_000} s`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
