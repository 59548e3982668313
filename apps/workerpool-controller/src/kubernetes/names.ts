import { GROUP } from '@redis-queue/api';

// The names that the controller writes onto objects: field managers, labels and annotations.

/** Owns everything of the Deployment but its size. */
export const TEMPLATE_MANAGER = 'redis-queue';
/** Owns the Deployment's size and the annotations that say where it comes from. */
export const SCALE_MANAGER = 'redis-queue-scale';

/** The one label that selects a pool's Deployment and pods. */
export const POOL_LABEL = `${GROUP}/pool`;

/** The labels of everything that belongs to a pool. */
export function poolLabels(name: string): Record<string, string> {
  return { 'app.kubernetes.io/name': name, 'app.kubernetes.io/managed-by': 'redis-queue', [POOL_LABEL]: name };
}

/** On the Deployment: hash of all that `redis-queue` applied, so that a field we no longer want is noticed. */
export const APPLIED_ANNOTATION = `${GROUP}/applied`;
/** On the Deployment: `spec.version` of the pool that it was built from. */
export const VERSION_ANNOTATION = `${GROUP}/version`;
/** On the Deployment: the size that we wrote last; another in `spec.replicas` is somebody else's. */
export const REPLICAS_ANNOTATION = `${GROUP}/replicas`;
/** On the Deployment: how often in a row we wrote over somebody else's size, when last, and whose it was. */
export const TAKEN_BACK_ANNOTATION = `${GROUP}/taken-back`;
/** On a WorkerPool: the size is the pool's again, whoever has written it. Any text, and each text once. */
export const TAKE_OVER_ANNOTATION = `${GROUP}/take-over-replicas`;
/** On the Deployment: the last text of that annotation that was acted on. */
export const TAKEN_OVER_ANNOTATION = `${GROUP}/taken-over`;
/** On the pod template: changes with the content of the Redis Secret, so that pods are replaced. */
export const SECRET_ANNOTATION = `${GROUP}/redis-secret`;
/** On the pod template: changes with the content of the ConfigMaps and Secrets that `spec.template` names. */
export const CONFIG_ANNOTATION = `${GROUP}/config`;
/** On a pod: what the ReplicaSet controller reads to choose the pods that go first on scale-in. */
export const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';
