import { z } from 'zod';
import { keyPrefixSchema, SCRATCH_PREFIX } from './key-prefix.ts';
import { localReferenceSchema } from './meta.ts';

/** Where a restore writes that is only to show that it can be done. */
export const scratchSchema = z.object({
  prefix: keyPrefixSchema
    .optional()
    .describe(
      `What keys begin with, before the part ${SCRATCH_PREFIX}<uid> that they all have: for a Redis user that is confined to a prefix. Absent: nothing.`,
    ),
  secretRef: localReferenceSchema
    .optional()
    .describe(
      'Secret of the namespace that leads to the Redis in which it is written; no Queue needs to exist then. Absent: that of each Queue, with its Secret for restores.',
    ),
  maxBytes: z
    .string()
    .max(20)
    .regex(/^[1-9][0-9]*([kMGT]|[KMGT]i)?$/)
    .optional()
    .describe(
      'Memory that it may take, as estimated from the backup: 500M, 2Gi. More than that is refused before anything is written. Absent: what Redis has below nine tenths of its maxmemory, and without a maxmemory any.',
    ),
});

export type ScratchSpec = z.infer<typeof scratchSchema>;

/** The prefix of the keys of a scratch restore, by the uid of its object. */
export function scratchPrefix({ prefix }: ScratchSpec, uid: string): string {
  const own = `${SCRATCH_PREFIX}${uid.slice(0, 8)}`;
  return prefix === undefined ? own : `${prefix}:${own}`;
}
