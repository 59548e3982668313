import { createHash } from 'node:crypto';
import * as z from 'zod';

/** The data of a job of the queue `emails`. */
export const Email = z.object({
  to: z.string(),
  /** The ledger that records the effect: one per demo or test. */
  run: z.string(),
  /** How long the mail server takes, ms: time in which the job only waits. */
  sendMs: z.number().min(0),
  /** How much there is to compute, in rounds of SHA-256 over 64 KiB (about 0.1 ms of CPU each). */
  rounds: z.int().min(0),
  /** How many of the first attempts fail; -1: all of them. */
  failures: z.int().default(0),
});
export type Email = z.infer<typeof Email>;

const BLOCK = Buffer.alloc(65_536, 'redis-queue');

/** Stands for the work of rendering and signing a mail: real CPU time, in small steps. */
export function signature(to: string, rounds: number): string {
  let digest = to;
  for (let round = 0; round < rounds; round++) {
    digest = createHash('sha256').update(digest).update(BLOCK).digest('hex');
  }
  return digest;
}

/** Whether the attempt (1 is the first) is one that the job's data plans to fail. */
export function failsByPlan({ failures }: Pick<Email, 'failures'>, attempt: number): boolean {
  return failures < 0 || attempt <= failures;
}
