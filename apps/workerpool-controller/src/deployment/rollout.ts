import { GROUP, parseDuration, type WorkerPool } from '@redis-queue/api';
import { timestamp } from '@redis-queue/controller';
import { VERSION_ANNOTATION } from '../kubernetes/names.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import { liveReplicas } from './replicas.ts';

// The whole state of a rollout is on the Deployment, written in the same apply as the pod template that it is about.

/** On the Deployment: hash of the inputs of its pod template. */
export const TEMPLATE_ANNOTATION = `${GROUP}/template`;
/** On the Deployment: when this pod template was first applied. */
export const STARTED_ANNOTATION = `${GROUP}/rollout-started`;
/** On the Deployment: hash of the pod template that was rolled back. Another one is a new attempt. */
export const ROLLED_BACK_ANNOTATION = `${GROUP}/rolled-back`;
/** On the Deployment: the version that was rolled back. */
export const ROLLED_BACK_VERSION_ANNOTATION = `${GROUP}/rolled-back-version`;
/** On the Deployment: what was in the way of it. Its pods, which would show it, are gone by then. */
export const ROLLED_BACK_MESSAGE_ANNOTATION = `${GROUP}/rolled-back-message`;

const DEFAULT_DEADLINE = '10m';
/**
 * The Deployment controller keeps an exceeded deadline when the template changes to one that ran before. One that is
 * not at least this much younger than our template is about another one; the shortest deadline is 10 s.
 */
const STALE_MS = 5_000;
const MAX_MESSAGE = 700;

/** A version that was rolled back. */
export interface RolledBack {
  /** The version whose pods did not get ready. */
  readonly version: string;
  readonly message: string;
}

export interface EffectiveVersion {
  /** The version to build the Deployment for. */
  readonly version: string;
  /** What the Deployment has to remember of its rollout. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** What a rollout is judged by besides the pool and its Deployment. */
export interface RolloutScene {
  readonly nowMs: number;
  /** What keeps pods from working; empty when nothing is known. */
  readonly inTheWay: () => string;
}

/**
 * Which version the pool's pods should run: `spec.version`, or the last good one while that is rolled back. Pure.
 *
 * What was rolled back stays so until any input of its pod template changes, or `autoRollback` is switched off.
 * @param live the Deployment, of the pool's own; undefined before it is created.
 * @param hashOf the hash of the pod template that would be built for a version; changes with every input of it.
 */
export function effectiveVersion(
  pool: WorkerPool,
  live: Deployment | undefined,
  hashOf: (version: string) => string,
  scene: RolloutScene,
): EffectiveVersion {
  const { version, rollout } = pool.spec;
  const wanted = hashOf(version);
  const held = live?.metadata.annotations ?? {};
  const built = (of: string): Record<string, string> => {
    const hash = hashOf(of);
    const started = held[TEMPLATE_ANNOTATION] === hash ? held[STARTED_ANNOTATION] : undefined;
    return { [TEMPLATE_ANNOTATION]: hash, [STARTED_ANNOTATION]: started ?? timestamp(scene.nowMs) };
  };
  const instead = (good: string, message: string): EffectiveVersion => ({
    version: good,
    annotations: {
      ...built(good),
      [ROLLED_BACK_ANNOTATION]: wanted,
      [ROLLED_BACK_VERSION_ANNOTATION]: version,
      [ROLLED_BACK_MESSAGE_ANNOTATION]: message,
    },
  });
  if (!live || !rollout?.autoRollback) return { version, annotations: built(version) };

  const running = held[VERSION_ANNOTATION];
  if (held[ROLLED_BACK_ANNOTATION] === wanted && running !== undefined && running !== version) {
    return instead(running, held[ROLLED_BACK_MESSAGE_ANNOTATION] ?? '');
  }
  const good = pool.status?.lastGoodVersion;
  const failed = held[TEMPLATE_ANNOTATION] === wanted && rolloutFailed(pool, live, scene.nowMs);
  if (!failed || good === undefined || good === version) return { version, annotations: built(version) };
  return instead(good, failureMessage(pool, version, scene.inTheWay()));
}

/** What the Deployment remembers of a version that was rolled back. */
export function rolledBackOf(deployment: Deployment): RolledBack | undefined {
  const { annotations = {} } = deployment.metadata;
  const version = annotations[ROLLED_BACK_VERSION_ANNOTATION];
  if (annotations[ROLLED_BACK_ANNOTATION] === undefined || version === undefined) return undefined;
  return { version, message: annotations[ROLLED_BACK_MESSAGE_ANNOTATION] ?? '' };
}

/** How long a rollout may make no progress, in ms. */
export function progressDeadlineMs(pool: WorkerPool): number {
  return parseDuration(pool.spec.rollout?.progressDeadline ?? DEFAULT_DEADLINE);
}

/**
 * Whether the pods of the Deployment's present template did not get ready in time. With no pods asked for, nothing can
 * fail.
 *
 * The Deployment's own deadline decides, except for a version that came in while the pool had no pods: with none asked
 * for the Deployment calls its rollout complete, and never checks again. Then the time in `status.rollout` decides.
 */
export function rolloutFailed(pool: WorkerPool, live: Deployment, nowMs: number): boolean {
  if (liveReplicas(live) === 0) return false;
  const progress = progressOf(live);
  if (progress?.reason === 'ProgressDeadlineExceeded' && progress.status === 'False') {
    const started = startedMs(live);
    const exceeded = Date.parse(progress.lastUpdateTime ?? progress.lastTransitionTime ?? '');
    return started === undefined || Number.isNaN(exceeded) ? hasSeenSpec(live) : exceeded - started >= STALE_MS;
  }
  if (!cameInUnseen(pool, live)) return false;
  const { rollout, blockedReplicas = {} } = pool.status ?? {};
  // No room for its pods is not the version's fault.
  if ((blockedReplicas.rejected ?? 0) > 0 || (blockedReplicas.unschedulable ?? 0) > 0) return false;
  const since = rollout?.version === versionOf(live) ? Date.parse(rollout?.startedAt ?? '') : Number.NaN;
  return since >= (startedMs(live) ?? 0) && nowMs - since >= progressDeadlineMs(pool);
}

/** Whether the version never had a pod that got ready, although the Deployment calls its rollout complete. */
export function cameInUnseen(pool: WorkerPool, live: Deployment): boolean {
  return (
    liveReplicas(live) > 0 &&
    (live.status?.readyReplicas ?? 0) === 0 &&
    versionOf(live) !== pool.status?.lastGoodVersion &&
    progressOf(live)?.reason === 'NewReplicaSetAvailable'
  );
}

/** Whether pods of an earlier template are still to be replaced, or none of the present one has worked yet. */
export function isRollingOut(pool: WorkerPool, live: Deployment): boolean {
  if (!hasSeenSpec(live)) return versionOf(live) !== pool.status?.currentVersion || pool.status?.rollout !== undefined;
  return replacesPods(live) || cameInUnseen(pool, live);
}

/**
 * Whether a Deployment that has seen its spec still replaces pods, or starts its first ones: it calls its rollout
 * complete once, and a change of the size alone does not take that back.
 */
export function replacesPods(live: Deployment): boolean {
  const { replicas = 0, updatedReplicas = 0 } = live.status ?? {};
  return progressOf(live)?.reason !== 'NewReplicaSetAvailable' || updatedReplicas < replicas;
}

/** When the present template was first applied, ms since 1970; undefined on a Deployment of an earlier release. */
export function startedMs(live: Deployment): number | undefined {
  const started = Date.parse(live.metadata.annotations?.[STARTED_ANNOTATION] ?? '');
  return Number.isNaN(started) ? undefined : started;
}

export function versionOf(live: Deployment): string | undefined {
  return live.metadata.annotations?.[VERSION_ANNOTATION];
}

/** Whether the Deployment's status is about its present spec. */
export function hasSeenSpec(live: Deployment): boolean {
  return (live.status?.observedGeneration ?? 0) >= (live.metadata.generation ?? 0);
}

/** Why a version counts as failed, for status, event and the Deployment's own memory. */
export function failureMessage(pool: WorkerPool, version: string, inTheWay: string): string {
  const deadline = pool.spec.rollout?.progressDeadline ?? DEFAULT_DEADLINE;
  const message = `Pods of version ${version} did not get ready within ${deadline}. ${inTheWay}`.trim();
  return message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE - 1)}…`;
}

function progressOf(live: Deployment) {
  return live.status?.conditions?.find(({ type }) => type === 'Progressing');
}
