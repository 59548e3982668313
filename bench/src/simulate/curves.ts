import { demandSteps, STEP_MS, type Level, type Run } from '@redis-queue/scaling/simulator';
import type { Verdict } from './judge.ts';

const WIDTH = 1_200;
const HEIGHT = 360;
const MARGIN = { left: 60, right: 20, top: 50, bottom: 40 } as const;
const COLORS = { demand: '#999999', ours: '#0b6e4f', best: '#c1440e' } as const;
/** More points than this a curve cannot be told apart at this width. */
const MOST_POINTS = 2_400;

type Point = readonly [atMs: number, pods: number];

/** Demand and ready pods over time, ours and the best rival's, as an SVG document. */
export function curves(verdict: Verdict, concurrency: number): string {
  const { workload, ours, best, runs } = verdict;
  const demand = demandSteps(workload, concurrency).map((pods, step): Point => [step * STEP_MS, pods]);
  const series = [
    { name: 'demand, pods', color: COLORS.demand, points: thinned(demand) },
    { name: `${best.scaler}: ${percent(best.misses)} late`, color: COLORS.best, points: supplyOf(runs.best) },
    { name: `${ours.scaler}: ${percent(ours.misses)} late`, color: COLORS.ours, points: supplyOf(runs.ours) },
  ];
  const most = Math.max(1, ...series.flatMap(({ points }) => points.map(([, pods]) => pods)));
  const x = (atMs: number): number =>
    MARGIN.left + ((WIDTH - MARGIN.left - MARGIN.right) * Math.min(atMs, workload.durationMs)) / workload.durationMs;
  const y = (pods: number): number => HEIGHT - MARGIN.bottom - ((HEIGHT - MARGIN.top - MARGIN.bottom) * pods) / most;
  const lines = series.map(
    ({ color, points }) => `<path fill="none" stroke="${color}" stroke-width="1.3" d="${staircase(points, x, y)}"/>`,
  );
  const legend = series.map(
    ({ name, color }, index) =>
      `<text x="${MARGIN.left + index * 380}" y="40" fill="${color}" font-size="13">${escaped(name)}</text>`,
  );
  const axis = [0, most / 2, most].map(
    (pods) =>
      `<text x="${MARGIN.left - 8}" y="${y(pods) + 4}" text-anchor="end" font-size="12">${Math.round(pods)}</text>`,
  );
  const hours = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const label = `${((share * workload.durationMs) / 3_600_000).toFixed(1)} h`;
    return `<text x="${x(share * workload.durationMs)}" y="${HEIGHT - 14}" text-anchor="middle" font-size="12">${label}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${MARGIN.left}" y="20" font-size="15">${escaped(workload.name)}: ready pods</text>`,
    ...legend,
    ...axis,
    ...hours,
    ...lines,
    '</svg>',
    '',
  ].join('\n');
}

function supplyOf({ supply }: Run): Point[] {
  return thinned(supply.map(({ atMs, pods }: Level): Point => [atMs, pods]));
}

function thinned(points: readonly Point[]): Point[] {
  const every = Math.max(1, Math.ceil(points.length / MOST_POINTS));
  return points.filter((_, index) => index % every === 0 || index === points.length - 1);
}

function staircase(points: readonly Point[], x: (atMs: number) => number, y: (pods: number) => number): string {
  return points
    .map(([atMs, pods], index) => {
      const [left, height] = [x(atMs).toFixed(1), y(pods).toFixed(1)];
      return index === 0 ? `M${left} ${height}` : `H${left}V${height}`;
    })
    .join('');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
