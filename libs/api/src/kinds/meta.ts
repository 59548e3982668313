import { z } from 'zod';

export const GROUP = 'redis-queue.io';
export const VERSION = 'v1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** What our kinds use of Kubernetes' ObjectMeta. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
}

/**
 * The condition types that the kinds share: whether the newest spec is in effect, whether the object serves now, and
 * whether it serves worse than it should. `Reconciling` and `Stalled` are kstatus' abnormal-true types.
 */
export const ConditionType = {
  Ready: 'Ready',
  Available: 'Available',
  Degraded: 'Degraded',
  Reconciling: 'Reconciling',
  Stalled: 'Stalled',
} as const;

/** Kubernetes' metav1.Condition. */
export const conditionSchema = z
  .object({
    type: z.string().max(316).describe('What the condition is about, in CamelCase.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
    observedGeneration: z
      .int()
      .min(0)
      .optional()
      .describe('The generation of the spec that the condition was set for.'),
    lastTransitionTime: z.string().meta({ format: 'date-time' }).describe('When `status` last changed.'),
    reason: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
      .describe('One CamelCase word for programs.'),
    message: z.string().max(32768).describe('A sentence for people.'),
  })
  .describe('One aspect of the current state.');
export type Condition = z.infer<typeof conditionSchema>;

export const conditionsSchema = z
  .array(conditionSchema)
  .optional()
  .describe('The current state, one entry per type.')
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

export const observedGenerationSchema = z
  .int()
  .optional()
  .describe('The generation of the spec that this status describes.');

/** A reference to an object in the same namespace, by name. */
export const localReferenceSchema = z.object({
  name: z.string().min(1).max(253).describe('Name of the object, in the same namespace.'),
});
