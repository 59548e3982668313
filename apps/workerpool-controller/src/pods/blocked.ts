import type { WorkerPoolStatus } from '@redis-queue/api';
import { liveReplicas } from '../deployment/replicas.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import type { Problem } from '../kubernetes/reasons.ts';
import { blockageOf, type Blockage, type Pod } from './pods.ts';

/** Pods that are asked for and cannot work, and why. */
export interface BlockedPods {
  /** Only what is above 0; undefined when nothing is. */
  readonly counts: WorkerPoolStatus['blockedReplicas'];
  /** For the condition PodsBlocked; undefined when no pod is blocked. The message names all kinds. */
  readonly problem: Problem | undefined;
}

type Of<K extends Blockage['kind']> = Extract<Blockage, { kind: K }>;

/**
 * What keeps pods from working: the API server that refuses them, the scheduler that has no node, or the kubelet. Pure.
 *
 * @param pods those of the pool, of whatever version.
 */
export function blockedPods(pods: readonly Pod[], deployment: Deployment | undefined): BlockedPods {
  const blockages = pods.map(blockageOf).filter((blockage) => blockage !== undefined);
  const of = <K extends Blockage['kind']>(kind: K) => blockages.filter((each): each is Of<K> => each.kind === kind);
  const refused = deployment && rejection(deployment);
  const images = of('imageFailing');
  const loops = of('crashLooping');
  const nodeless = of('unschedulable');
  // The first one is the condition's reason: what is refused or broken is for a person to fix.
  const problems = [
    ...(refused ? [refused.problem] : []),
    ...(images.length > 0 ? [imageFailing(images)] : []),
    ...(loops.length > 0 ? [crashLooping(loops)] : []),
    ...(nodeless.length > 0 ? [unschedulable(nodeless)] : []),
  ];
  const counts = Object.fromEntries(
    Object.entries({
      rejected: refused?.count ?? 0,
      unschedulable: nodeless.length,
      crashLooping: loops.length,
      imageFailing: images.length,
    }).filter(([, count]) => count > 0),
  );
  const [first] = problems;
  return {
    counts: first ? counts : undefined,
    problem: first && { reason: first.reason, message: problems.map(({ message }) => message).join(' ') },
  };
}

/**
 * Pods that the API server refuses, from the Deployment's ReplicaFailure condition, which it copies from its
 * ReplicaSet. The condition may stand a moment longer than the cause, so it counts only while pods are missing. During
 * a rollout the surplus pods are the ones refused: at least one while not all pods are of the new template.
 */
function rejection(deployment: Deployment): { count: number; problem: Problem } | undefined {
  const { conditions = [], replicas = 0, updatedReplicas = 0 } = deployment.status ?? {};
  const failure = conditions.find(
    ({ type, status, reason }) => type === 'ReplicaFailure' && status === 'True' && reason !== 'FailedDelete',
  );
  if (!failure) return undefined;
  const asked = liveReplicas(deployment);
  const count = Math.max(asked - replicas, updatedReplicas < asked ? 1 : 0);
  if (count === 0) return undefined;
  // The name of the pod that was refused last says nothing, and is a new one each time.
  const message = (failure.message ?? failure.reason ?? '').replace(/^pods "[^"]*" is forbidden: /, '');
  return {
    count,
    problem: { reason: rejectionReason(message), message: sentence(`${podCount(count)} refused`, message) },
  };
}

/** The words are those of the API server's own admission plugins, ResourceQuota and LimitRanger. */
function rejectionReason(message: string): Problem['reason'] {
  if (/^(exceeded quota: |failed quota: )/.test(message)) return 'QuotaExceeded';
  return /\b(maximum|minimum) \S+ usage per |max limit to request ratio per /.test(message)
    ? 'LimitRangeExceeded'
    : 'PodsRejected';
}

function unschedulable(found: Of<'unschedulable'>[]): Problem {
  return {
    reason: 'Unschedulable',
    message: sentence(`${podCount(found.length)} without a node`, commonest(found.map(({ message }) => message))),
  };
}

function imageFailing(found: Of<'imageFailing'>[]): Problem {
  const [{ container, reason, message }] = found as [Of<'imageFailing'>];
  return {
    reason: 'ImageFailing',
    message: sentence(`${podCount(found.length)} with ${reason} in container ${container}`, message),
  };
}

function crashLooping(found: Of<'crashLooping'>[]): Problem {
  const worst = found.toSorted((a, b) => b.restarts - a.restarts)[0]!;
  const { container, restarts, ended } = worst;
  const how = ended ? `ended with ${ended.reason || 'Error'}, exit code ${ended.exitCode}` : 'ended';
  return {
    reason: 'CrashLooping',
    message: sentence(
      `${podCount(found.length)} in a crash loop`,
      `container ${container} ${how}, ${restarts} restarts; see its log`,
    ),
  };
}

function podCount(count: number): string {
  return count === 1 ? '1 pod' : `${count} pods`;
}

function sentence(what: string, why: string): string {
  return `${what}${why === '' ? '' : `: ${why.trim().replace(/\.$/, '')}`}.`;
}

function commonest(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? '';
}
