import { format } from 'node:util';
import type { Log } from './types.ts';

/**
 * Has what libraries print go to the log, bounded and without secrets, as debugging: ioredis prints what a server
 * answers each time that it connects, and a tenant's may answer anything, at any rate.
 *
 * @param target default: that of this process.
 */
export function consoleToLog(log: Log, target: Pick<Console, Printing> = console): void {
  for (const name of PRINTING) {
    target[name] = (...values: unknown[]) => log.debug({ printedBy: `console.${name}` }, '%s', format(...values));
  }
}

const PRINTING = ['debug', 'log', 'info', 'warn', 'error', 'trace'] as const;
type Printing = (typeof PRINTING)[number];
