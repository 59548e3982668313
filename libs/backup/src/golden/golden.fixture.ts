import { jobs } from '../backup/sample-backup.fixture.ts';
import type { JsonRecord } from '../parts/lines.ts';

/** 32 bytes of 0x2a. */
export const GOLDEN_KEY = Buffer.alloc(32, 0x2a).toString('base64');

/** What the backups `encrypted` and `plain` beside this file hold, in order. They are never written again. */
export const GOLDEN_QUEUES: Readonly<Record<string, readonly JsonRecord[]>> = {
  emails: jobs('emails', 40),
  Überweisung: jobs('orders', 15),
};

export function goldenRecords(): JsonRecord[] {
  return Object.values(GOLDEN_QUEUES).flat();
}
