import { createHash } from 'node:crypto';

/** What a job of the queue `emails` says. */
export interface Email {
  to: string;
  /** Which ledger the effect goes to: one a demo or test. */
  run: string;
  /** How long the mail server takes, ms: time in which the job only waits. */
  sendMs: number;
  /** How much there is to compute, in rounds of SHA-256 over 64 KiB (about 0.1 ms of CPU each). */
  rounds: number;
  /** How many of the first attempts fail; -1: all of them. Absent: none. */
  failures?: number;
}

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
export function failsByPlan({ failures = 0 }: Email, attempt: number): boolean {
  return failures < 0 || attempt <= failures;
}

/** A Standard Schema written by hand, to keep the example without further dependencies; Zod or Valibot serve as well. */
export const emailSchema = {
  '~standard': {
    version: 1,
    vendor: 'example',
    validate: (value: unknown) => {
      const email = value as Partial<Email> | null;
      const issues = (['to', 'run'] as const)
        .filter((field) => typeof email?.[field] !== 'string')
        .map((field) => ({ message: 'expected a string', path: [field] as PropertyKey[] }));
      for (const field of ['sendMs', 'rounds'] as const) {
        if (!(Number(email?.[field]) >= 0)) issues.push({ message: 'expected a number ≥ 0', path: [field] });
      }
      return issues.length > 0 ? { issues } : { value };
    },
  },
};
