import { API_VERSION } from '../kinds/meta.ts';
import {
  QUEUE_REDRIVE_REASONS,
  QUEUE_REDRIVES,
  queueRedriveSpecSchema,
  queueRedriveStatusSchema,
} from '../kinds/queue-redrive.ts';
import type { KindDefinition } from './definition.ts';
import { immutableBut } from './immutable.ts';
import { MESSAGE_COLUMN, STATE_COLUMN } from './run-columns.ts';

export const queueRedriveDefinition: KindDefinition = {
  kind: QUEUE_REDRIVES.kind,
  plural: QUEUE_REDRIVES.plural,
  shortName: 'rqr',
  description:
    'Puts dead letters of a Queue back into it, once, as a Job runs once: as new jobs with their priority, with all their attempts before them.',
  spec: queueRedriveSpecSchema,
  status: queueRedriveStatusSchema,
  rules: immutableBut(QUEUE_REDRIVES.kind, queueRedriveSpecSchema, ['suspend', 'ttlSecondsAfterFinished']),
  columns: [
    { name: 'Queue', type: 'string', jsonPath: '.spec.queueRef.name' },
    STATE_COLUMN,
    { name: 'Redriven', type: 'integer', jsonPath: '.status.redriven', description: 'Jobs that were put back.' },
    { name: 'Matched', type: 'integer', jsonPath: '.status.matched', description: 'Dead letters that match.' },
    { name: 'Dry-Run', type: 'boolean', jsonPath: '.spec.dryRun', priority: 1 },
    MESSAGE_COLUMN,
  ],
  reasons: QUEUE_REDRIVE_REASONS,
  notices: [
    { type: 'Complete', meaning: 'it has ended, and did what the spec asks for. Present only while True.' },
    { type: 'Failed', meaning: 'it has ended, and can do nothing: its spec is wrong. Present only while True.' },
    { type: 'Suspended', meaning: 'spec.suspend is true, and it has not ended. Present only while True.' },
  ],
  examples: [
    {
      title: 'What failed because of a time-out, on one evening; first as a dry run:',
      object: {
        apiVersion: API_VERSION,
        kind: 'QueueRedrive',
        metadata: { name: 'emails-timeouts' },
        spec: {
          queueRef: { name: 'emails' },
          filter: {
            failedReason: 'ETIMEDOUT',
            failedAfter: '2026-03-01T18:00:00Z',
            failedBefore: '2026-03-02T00:00:00Z',
          },
          dryRun: true,
        },
      },
    },
    {
      title: 'The jobs of one tenant, 20 per second; the object goes a day after its end:',
      object: {
        apiVersion: API_VERSION,
        kind: 'QueueRedrive',
        metadata: { name: 'emails-of-acme' },
        spec: {
          queueRef: { name: 'emails' },
          filter: { data: { path: '$.tenant.id', equals: 'acme' } },
          maxJobsPerSecond: 20,
          ttlSecondsAfterFinished: 86_400,
        },
      },
    },
  ],
};
