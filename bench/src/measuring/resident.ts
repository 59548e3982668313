import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile, tenths } from './percentile.ts';
import type { RunningApp } from '../stand/stand.ts';

export interface IdleMemory {
  name: string;
  idleMib: number;
}

/** Resident memory of a process, MiB, as the kernel counts it (VmRSS); Linux only. */
export function residentMib(pid: number): number {
  return memoryMib(pid, 'VmRSS');
}

/** The greatest resident memory that the process has had, MiB. */
export function peakMib(pid: number): number {
  return tenths(memoryMib(pid, 'VmHWM'));
}

function memoryMib(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kib] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  if (!kib) throw new Error(`/proc/${pid}/status has no ${field}; memory can only be measured on Linux`);
  return Number(kib) / 1024;
}

const SAMPLE_MS = 1_000;

/** Median resident memory of each app over `samples` seconds, while nothing happens. */
export async function measureIdle(apps: RunningApp[], samples: number): Promise<IdleMemory[]> {
  const seen = new Map(apps.map(({ name }) => [name, [] as number[]]));
  for (let n = 0; n < samples; n++) {
    await sleep(SAMPLE_MS);
    for (const { name, process } of apps) seen.get(name)!.push(residentMib(process.pid));
  }
  return [...seen].map(([name, values]) => ({ name, idleMib: tenths(percentile(values, 0.5)) }));
}

const SETTLED_READINGS = 6;
const SETTLED_MIB = 1;

/** Decides from successive readings whether memory has settled: undefined until the last few lie within 1 MiB. */
export function settling(): (reading: number) => number | undefined {
  const readings: number[] = [];
  return (reading) => {
    readings.push(reading);
    if (readings.length > SETTLED_READINGS) readings.shift();
    const spread = Math.max(...readings) - Math.min(...readings);
    return readings.length === SETTLED_READINGS && spread < SETTLED_MIB ? Math.max(...readings) : undefined;
  };
}
