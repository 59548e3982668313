import type { WorkerPool, WorkerPoolStatus } from '@redis-queue/api';
import { timestamp } from '@redis-queue/controller';
import type { Problem, Reason } from '../kubernetes/reasons.ts';
import { hasEnded, type Pod } from '../pods/pods.ts';
import { SILENT_MS, type Silence } from './silence.ts';

/** The pod that was replaced last. */
export type Replacement = NonNullable<WorkerPoolStatus['replacement']>;

/** What to do about the silent pods of a pool: at most one of these. */
export type StuckPlan =
  | { readonly kind: 'nothing' }
  /** The status names it first, so that a crash cannot lose that it was replaced. */
  | { readonly kind: 'announce'; readonly pod: Pod }
  | { readonly kind: 'replace'; readonly pod: Pod }
  /** Why none is replaced although some should be. */
  | { readonly kind: 'wait'; readonly problem: Problem };

/** After a replacement the next one waits for as long as it takes to see whether that has helped. */
const PAUSE_MS = SILENT_MS;
/** Most pods that the message names. */
const MOST_NAMED = 5;
/** So far this clock may be ahead of that of the API server, which dates pods: rather none is replaced than one after the other. */
const CLOCK_AHEAD_MS = 5 * 60_000;

/** Whether the pool wants stuck pods replaced. Who speaks to Redis, the autoscaler alone says. */
export function replacesStuck({ spec }: Pick<WorkerPool, 'spec'>): boolean {
  return spec.replaceStuck === true && spec.autoscaling?.enabled === true;
}

/**
 * Which pod to replace now. Only where another one speaks to Redis, so that neither Redis nor the network is what is
 * wrong; one at a time; and after one only when a pod that has started since speaks, or none has started. Pure.
 */
export function planReplacement(
  pool: Pick<WorkerPool, 'spec' | 'status'>,
  pods: readonly Pod[],
  { silent, speaking, unknown }: Silence,
  nowMs: number,
): StuckPlan {
  if (!replacesStuck(pool)) return { kind: 'nothing' };
  if (unknown !== undefined) return waits('ClientsUnknown', `It is not known which pods speak to Redis: ${unknown}`);
  const [longest] = silent;
  if (longest === undefined) return { kind: 'nothing' };
  const who = `Ready pods do not speak to Redis: ${namesOf(silent)}.`;
  if (speaking.length === 0)
    return waits('PodsStuck', `${who} None is replaced, as no other pod of the pool speaks to Redis either`);
  if (pods.some((pod) => !pod.ready || hasEnded(pod)))
    return waits('PodsStuck', `${who} The next one is replaced once all pods are ready`);
  const last = pool.status?.replacement;
  const announced = silent.find(({ metadata }) => metadata.name === last?.pod);
  if (announced !== undefined) return { kind: 'replace', pod: announced };
  return (last && whyNotAgain(who, last, { silent, speaking }, nowMs)) ?? { kind: 'announce', pod: longest };
}

function whyNotAgain(
  who: string,
  { pod: name, time }: Replacement,
  { silent, speaking }: Pick<Silence, 'silent' | 'speaking'>,
  nowMs: number,
): StuckPlan | undefined {
  const sinceMs = Date.parse(time);
  const dueMs = sinceMs + PAUSE_MS;
  const replaced = `${name} was replaced at ${time}`;
  if (nowMs < dueMs) return waits('PodsStuck', `${who} ${replaced}; the next one not before ${timestamp(dueMs)}`);
  if (hasSince(speaking, sinceMs) || !hasSince(silent, sinceMs - CLOCK_AHEAD_MS)) return undefined;
  const inVain =
    'and a pod that has started since does not speak to Redis either: no further one is replaced until one does. Read its log';
  return waits('ReplacedInVain', `${who} ${replaced}, ${inVain}`);
}

/** Whether one of the pods has started since. */
function hasSince(pods: readonly Pod[], sinceMs: number): boolean {
  return pods.some(({ metadata }) => Date.parse(metadata.creationTimestamp ?? '') >= sinceMs);
}

function waits(reason: Reason, message: string): StuckPlan {
  return { kind: 'wait', problem: { reason, message } };
}

function namesOf(silent: readonly Pod[]): string {
  const named = silent.slice(0, MOST_NAMED).map(({ metadata }) => metadata.name);
  const more = silent.length > MOST_NAMED ? ` and ${silent.length - MOST_NAMED} more` : '';
  return `${named.join(', ')}${more}`;
}
