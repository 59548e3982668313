import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the operating system says of the pod's container now; of the process where there is no container to ask. */
export interface ResourceReading {
  /** CPU time used so far, over all cores. */
  readonly cpuSeconds: number;
  /** What counts against the memory limit and cannot be dropped: the working set, as the kubelet calls it. */
  readonly memoryBytes: number;
  readonly memoryLimitBytes?: number;
  /** Scheduling periods so far in which the container had a CPU limit, and those in which it hit it. */
  readonly cpuPeriods?: number;
  readonly cpuPeriodsThrottled?: number;
}

/** Where a container sees its own group; what Kubernetes runs on cgroup v2 mounts there. */
export const CGROUP = '/sys/fs/cgroup';

/**
 * Reads the container's control group (v2), which knows of child processes too. Without one (cgroup v1, or a process on
 * a machine's own root group, which has no `memory.current`) the process alone.
 */
export function readResources(cgroup = CGROUP): ResourceReading {
  const current = text(cgroup, 'memory.current');
  const cpu = fields(text(cgroup, 'cpu.stat'));
  const usedMicros = cpu.get('usage_usec');
  if (current === undefined || usedMicros === undefined) return readProcess();
  // Files that were read and not used since go first when memory gets short: they need no room.
  const droppable = fields(text(cgroup, 'memory.stat')).get('inactive_file') ?? 0;
  const limit = Number(text(cgroup, 'memory.max') ?? Number.NaN);
  const [periods, throttled] = [cpu.get('nr_periods'), cpu.get('nr_throttled')];
  return {
    cpuSeconds: usedMicros / 1e6,
    memoryBytes: Math.max(0, Number(current) - droppable),
    ...(Number.isFinite(limit) && { memoryLimitBytes: limit }),
    ...(periods !== undefined && throttled !== undefined && { cpuPeriods: periods, cpuPeriodsThrottled: throttled }),
  };
}

function readProcess(): ResourceReading {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, memoryBytes: process.memoryUsage.rss() };
}

function text(folder: string, file: string): string | undefined {
  try {
    return readFileSync(join(folder, file), 'utf8').trim();
  } catch {
    return undefined;
  }
}

function fields(content = ''): Map<string, number> {
  return new Map(
    content.split('\n').flatMap((line): [string, number][] => {
      const [name, value] = line.split(' ');
      return name && value ? [[name, Number(value)]] : [];
    }),
  );
}
