import type { Instant } from '../model/types.ts';
import { mean } from '../statistics/decaying.ts';
import { percent } from '../wording/words.ts';
import type { AdvisedSpec } from './advised-spec.ts';
import { adviseConcurrency } from './concurrency.ts';
import { adviseLag } from './lag.ts';
import { adviseResources, type AdvisedResources } from './resources.ts';
import { isOf, type UsageHistory } from './usage-history.ts';

/** What a pool's spec should be, according to measurements. Never applied automatically. */
export interface PoolAdvice {
  /** For spec.concurrency; absent: it fits. */
  readonly concurrency?: number;
  /** For spec.resources, with the concurrency advised; what is absent fits. */
  readonly resources?: AdvisedResources;
  /** How long jobs wait for the event loop that handlers block; absent: for no longer than they should. */
  readonly eventLoopLagMs?: number;
  /** For people: what was measured, and what follows. */
  readonly message: string;
  /** Pods measured. */
  readonly pods: number;
  /** When the measurements began, by Redis' clock. */
  readonly sinceMs: Instant;
}

/** How much has to be measured before there is any advice. */
export interface Evidence {
  /** Time, over all pods, ms. */
  readonly podMs: number;
  /** The part of it with at least half of the slots busy; with less there is no advice on concurrency and CPU. */
  readonly busyPodMs: number;
  /** From the first report to the last. */
  readonly spanMs: number;
}

/** After half an hour the vertical pod autoscaler's own lower bound is at 0.9 of its final value (recommender.go). */
export const ENOUGH: Evidence = { podMs: 30 * 60_000, busyPodMs: 10 * 60_000, spanMs: 20 * 60_000 };
const LONGEST_MESSAGE = 1_024;

/**
 * Advice on concurrency and resources. Pure.
 *
 * @returns undefined while too little is known; otherwise at least the message, which says so when everything fits.
 */
export function advise(usage: UsageHistory, spec: AdvisedSpec, enough: Evidence = ENOUGH): PoolAdvice | undefined {
  const { measuredMs, busyMeasuredMs, sinceMs, untilMs, pods } = usage;
  if (!isOf(usage, spec) || measuredMs < enough.podMs || untilMs - sinceMs < enough.spanMs) return undefined;
  const busyKnown = busyMeasuredMs >= enough.busyPodMs;
  const concurrency = busyKnown ? adviseConcurrency(usage, spec) : { why: 'pods were seldom half busy' };
  const slots = concurrency.slots ?? spec.concurrency;
  const { resources, why } = adviseResources(usage, spec, slots, busyKnown);
  const lag = adviseLag(usage, spec.concurrency);
  const changes = [
    ...(concurrency.slots === undefined ? [] : [`concurrency ${concurrency.slots} instead of ${spec.concurrency}`]),
    ...amounts('requests', resources?.requests),
    ...amounts('limits', resources?.limits),
  ];
  const verdict = changes.length > 0 ? `Better: ${changes.join(', ')}.` : 'The spec fits.';
  const base = `Measured for ${hours(untilMs - sinceMs)} on ${pods} pod${pods === 1 ? '' : 's'} of version ${spec.version}, whose slots were ${percent(mean(usage.busyShare))} busy: ${[concurrency.why, ...(lag ? [lag.why] : []), ...why].join('; ')}.`;
  return {
    ...(concurrency.slots !== undefined && { concurrency: concurrency.slots }),
    ...(resources !== undefined && { resources }),
    ...(lag && { eventLoopLagMs: lag.lagMs }),
    message: `${verdict} ${base}`.slice(0, LONGEST_MESSAGE),
    pods,
    sinceMs,
  };
}

function amounts(kind: string, resources: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(resources).map(([name, amount]) => `${kind}.${name} ${amount}`);
}

function hours(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 120
    ? `${minutes} min`
    : minutes < 2_880
      ? `${Math.round(minutes / 60)} h`
      : `${Math.round(minutes / 1_440)} d`;
}
