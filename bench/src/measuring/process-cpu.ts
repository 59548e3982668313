import { readFileSync } from 'node:fs';

/** Linux counts the processor time of a process in ticks of 10 ms, whatever the machine. */
const TICK_MS = 10;

/** What a process has used of all processors so far, ms; Linux only. */
export function processCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // After the name, which may hold anything: state is field 3, utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isFinite(ticks)) throw new Error(`/proc/${pid}/stat has no times; CPU can only be measured on Linux`);
  return ticks * TICK_MS;
}
