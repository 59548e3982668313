import type { z } from 'zod';
import type { ValidationRule } from '../kinds/cel.ts';
import { ConditionType, GROUP, VERSION } from '../kinds/meta.ts';
import type { ReasonTable } from '../kinds/reasons.ts';
import { toStructuralSchema, type StructuralSchema } from './structural-schema.ts';

/** A column of `kubectl get`; priority 1 shows with `-o wide` only. */
export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'boolean' | 'date';
  jsonPath: string;
  description?: string;
  priority?: number;
}

/** A condition type beside those that every kind has. */
export interface NoticeCondition {
  type: string;
  meaning: string;
}

/** What the CRD and the reference page of a kind are made from. */
export interface KindDefinition {
  kind: string;
  plural: string;
  shortName: string;
  /** Whether its objects lie in a namespace or belong to the cluster as a whole; default `Namespaced`. */
  scope?: 'Namespaced' | 'Cluster';
  description: string;
  spec: z.ZodType;
  status: z.ZodType;
  /** CEL rules at the root, which alone see `metadata.name`. */
  rules: ValidationRule[];
  columns: PrinterColumn[];
  scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath: string };
  /** Every reason of the kind, for the reference page. */
  reasons: ReasonTable;
  /** What it takes to be Available, where that is more than having been Ready. */
  available?: string;
  notices: NoticeCondition[];
  /** Objects for the reference page, each with the sentence that introduces it. */
  examples: { title: string; object: object }[];
}

export interface CustomResourceDefinition {
  apiVersion: 'apiextensions.k8s.io/v1';
  kind: 'CustomResourceDefinition';
  metadata: { name: string };
  spec: object;
}

/** The age of every new object's first condition: a default has to be a constant. */
const EPOCH = '1970-01-01T00:00:00Z';

/** The whole-object schema of a kind: metadata, spec and status. */
export function objectSchema(definition: KindDefinition): StructuralSchema {
  return {
    description: definition.description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: `Always ${GROUP}/${VERSION}.` },
      kind: { type: 'string', description: `Always ${definition.kind}.` },
      metadata: { type: 'object' },
      spec: toStructuralSchema(definition.spec, 'spec'),
      status: {
        ...toStructuralSchema(definition.status, 'status'),
        default: { conditions: PENDING_TYPES.map(pendingCondition) },
      },
    },
    'x-kubernetes-validations': definition.rules,
  };
}

/** The CRD of a kind. */
export function customResourceDefinition(definition: KindDefinition): CustomResourceDefinition {
  const { kind, plural, shortName, scope = 'Namespaced', columns, scale } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['redis-queue'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: [
            ...columns,
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' } satisfies PrinterColumn,
          ],
          subresources: { status: {}, ...(scale && { scale }) },
          schema: { openAPIV3Schema: objectSchema(definition) },
        },
      ],
    },
  };
}

/** What every object says of itself, and of a new one nobody knows. */
const PENDING_TYPES = [ConditionType.Ready, ConditionType.Available, ConditionType.Degraded];

/**
 * A condition that a new object has before any controller has seen it. Tools that follow kstatus take an object without
 * conditions for finished.
 */
function pendingCondition(type: string) {
  return {
    type,
    status: 'Unknown',
    reason: 'Pending',
    message: 'Waiting for the controller.',
    lastTransitionTime: EPOCH,
  };
}
