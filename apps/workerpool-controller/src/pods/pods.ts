import { isDeepStrictEqual } from 'node:util';
import type { Change, Resource } from '@redis-queue/controller';
import { DELETION_COST_ANNOTATION, POOL_LABEL } from '../kubernetes/names.ts';
import { startOf, type PodCondition, type PodStart } from './starts.ts';

const TEMPLATE_HASH_LABEL = 'pod-template-hash';

/** A container as the kubelet last reported it, shortened. */
export interface ContainerState {
  readonly name: string;
  readonly ready: boolean;
  readonly restarts: number;
  /** Why it does not run: ImagePullBackOff, CrashLoopBackOff… */
  readonly waiting?: { readonly reason: string; readonly message?: string };
  /** How it ended last. */
  readonly terminated?: { readonly reason: string; readonly exitCode: number; readonly at?: string };
}

/** What is cached of a pod of ours: everything that the controller reads, and nothing else. */
export interface Pod extends Resource, PodStart {
  readonly phase: string;
  readonly ready: boolean;
  /** Since when it is not ready, as the kubelet says; absent while it is, and before it has a node. */
  readonly unreadySince?: string;
  /** Its IP address; absent until it has one. */
  readonly address?: string;
  /** Why the scheduler has found no node; absent once it has. */
  readonly unschedulable?: string;
  /** Those that have something to report: waiting ones first, then ones that restarted or ended. */
  readonly containers: readonly ContainerState[];
}

interface ContainerStatus {
  name: string;
  ready?: boolean;
  restartCount?: number;
  state?: { waiting?: Waiting; terminated?: Terminated };
  lastState?: { terminated?: Terminated };
}
interface Waiting {
  reason?: string;
  message?: string;
}
interface Terminated {
  reason?: string;
  exitCode?: number;
  finishedAt?: string;
}
interface ApiPod extends Resource {
  status?: {
    phase?: string;
    podIP?: string;
    conditions?: PodCondition[];
    initContainerStatuses?: ContainerStatus[];
    containerStatuses?: ContainerStatus[];
  };
}

/** The kubelet's word for a container that used more memory than its limit, or than its node had. */
const OOM_KILLED = 'OOMKilled';
/** Messages of kubelet and scheduler grow with images' names and with nodes; a pod has to stay below 1.5 KiB. */
const MAX_MESSAGE = 200;
const MAX_CONTAINERS = 2;
/** States that every container passes through while it starts. */
const STARTING = new Set(['ContainerCreating', 'PodInitializing']);

/**
 * The part of a pod that the cache holds; its transform. Measured in `pods.test.ts`: at most 1.5 KiB per pod as JSON.
 */
export function trimPod(object: Resource): Pod {
  const { metadata, status = {} } = object as ApiPod;
  const condition = (type: string) => status.conditions?.find((each) => each.type === type);
  const scheduled = condition('PodScheduled');
  const readiness = condition('Ready');
  const unreadySince = readiness?.status === 'True' ? undefined : readiness?.lastTransitionTime;
  const noNode = scheduled?.status === 'False' && scheduled.reason === 'Unschedulable';
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const { creationTimestamp, deletionTimestamp } = metadata;
  const hasFailed = statuses.some(({ restartCount = 0 }) => restartCount > 0);
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name: metadata.name,
      labels: picked(metadata.labels, [POOL_LABEL, TEMPLATE_HASH_LABEL]),
      ...(metadata.annotations?.[DELETION_COST_ANNOTATION] !== undefined && {
        annotations: picked(metadata.annotations, [DELETION_COST_ANNOTATION]),
      }),
      ...(creationTimestamp && { creationTimestamp }),
      ...(deletionTimestamp && { deletionTimestamp }),
    },
    phase: status.phase ?? 'Unknown',
    ready: readiness?.status === 'True',
    ...(unreadySince !== undefined && { unreadySince }),
    ...(status.podIP !== undefined && { address: status.podIP }),
    ...startOf(creationTimestamp, status.conditions ?? [], hasFailed),
    ...(noNode && { unschedulable: shortened(scheduled.message ?? '') }),
    // Without a node there is no kubelet to report on containers.
    containers: noNode ? [] : statuses.flatMap(trimContainer).toSorted(waitingFirst).slice(0, MAX_CONTAINERS),
  };
}

function waitingFirst(a: ContainerState, b: ContainerState): number {
  return Number(b.waiting !== undefined) - Number(a.waiting !== undefined);
}

function trimContainer(status: ContainerStatus): ContainerState[] {
  const { name, ready = false, restartCount = 0, state = {}, lastState = {} } = status;
  const { reason = '', message } = state.waiting ?? {};
  const waiting = reason !== '' && !STARTING.has(reason);
  const terminated = state.terminated ?? lastState.terminated;
  if (!waiting && restartCount === 0 && !terminated) return [];
  return [
    {
      name,
      ready,
      restarts: restartCount,
      ...(waiting && { waiting: { reason, ...(message !== undefined && { message: shortened(message) }) } }),
      ...(terminated && { terminated: trimTerminated(terminated) }),
    },
  ];
}

/** When it ended is read only of one that was killed. */
function trimTerminated({ reason = '', exitCode = -1, finishedAt }: Terminated): ContainerState['terminated'] {
  return { reason, exitCode, ...(reason === OOM_KILLED && finishedAt !== undefined && { at: finishedAt }) };
}

function picked(from: Record<string, string> | undefined, names: string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (from?.[name] === undefined ? [] : [[name, from[name]]])));
}

function shortened(text: string): string {
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE - 1)}…`;
}

/** What stands between a pod and its work. */
export type Blockage =
  | { readonly kind: 'unschedulable'; readonly message: string }
  | {
      readonly kind: 'imageFailing';
      readonly container: string;
      readonly reason: string;
      readonly message: string;
    }
  | {
      readonly kind: 'crashLooping';
      readonly container: string;
      readonly restarts: number;
      /** How the container ended last; absent when the kubelet does not report it. */
      readonly ended?: { readonly reason: string; readonly exitCode: number };
    };

const IMAGE_REASONS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
  'CreateContainerConfigError',
  'CreateContainerError',
]);
/** This many restarts of a container that is not ready are a loop, also in the moments when it runs. */
const LOOP_RESTARTS = 2;

/** Whether the pod has ended, or is on its way to. */
export function hasEnded({ metadata, phase }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined || phase === 'Succeeded' || phase === 'Failed';
}

/** Why the pod cannot work; undefined when it works, starts, ends or has ended. Pure. */
export function blockageOf(pod: Pod): Blockage | undefined {
  if (hasEnded(pod)) return undefined;
  if (pod.unschedulable !== undefined) return { kind: 'unschedulable', message: pod.unschedulable };
  const image = pod.containers.find(({ waiting }) => waiting && IMAGE_REASONS.has(waiting.reason));
  if (image) {
    const { reason, message = '' } = image.waiting!;
    return { kind: 'imageFailing', container: image.name, reason, message };
  }
  const loops = pod.containers.find(
    ({ waiting, ready, restarts }) =>
      waiting?.reason === 'CrashLoopBackOff' || (!ready && restarts >= LOOP_RESTARTS && !pod.ready),
  );
  if (!loops) return undefined;
  const { name: container, restarts, terminated: ended } = loops;
  return {
    kind: 'crashLooping',
    container,
    restarts,
    ...(ended && { ended: { reason: ended.reason, exitCode: ended.exitCode } }),
  };
}

/** A container that was out of memory. */
export interface Kill {
  readonly container: string;
  readonly at: string;
  readonly restarts: number;
}

/** Which container of the pod was killed last because it was out of memory; undefined when none ended so. Pure. */
export function lastKill({ containers }: Pod): Kill | undefined {
  return containers
    .flatMap(({ name: container, restarts, terminated }) =>
      terminated?.at === undefined ? [] : [{ container, at: terminated.at, restarts }],
    )
    .toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))[0];
}

/** Whether a change of a pod changes what the pool's status reports of pods; the Deployment shows everything else. */
export function changesReport({ object, previous }: Change<Pod>): boolean {
  // The first and the last state of a pod count if they have something to report.
  const reportOf = (pod: Pod) => [blockageOf(pod), lastKill(pod)];
  return !isDeepStrictEqual(reportOf(object), previous ? reportOf(previous) : [undefined, undefined]);
}

/** From the pod's creation until it was ready, ms; undefined unless the change is the end of its start. */
export function startedIn({ object, previous }: Change<Pod>): number | undefined {
  return previous?.starting ? object.startMs : undefined;
}
