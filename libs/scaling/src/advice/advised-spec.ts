import type { WorkerPoolSpec } from '@redis-queue/api';
import { quantityValue } from '@redis-queue/api';

/** What a pool's spec says of the things that advice is given on. Cores and bytes; absent: not set. */
export interface AdvisedSpec {
  readonly version: string;
  readonly concurrency: number;
  /** Fewer slots than queues are not allowed. */
  readonly queues: number;
  readonly cpuRequest?: number;
  readonly cpuLimit?: number;
  readonly memoryRequest?: number;
  readonly memoryLimit?: number;
}

type Amounts = Readonly<Record<string, string | number>>;
interface Resources {
  readonly requests?: Amounts | undefined;
  readonly limits?: Amounts | undefined;
}

/** The container's resources as the Deployment has them: the spec's, with what the template says of them on top. */
export function advisedSpec({ version, concurrency, queues, resources, template }: WorkerPoolSpec): AdvisedSpec {
  const over = workerResources(template) ?? {};
  const requests = { ...resources?.requests, ...over.requests };
  const limits = { ...resources?.limits, ...over.limits };
  const amounts = {
    cpuRequest: quantityValue(requests['cpu'] ?? limits['cpu']), // Kubernetes takes the limit for a request that is absent.
    cpuLimit: quantityValue(limits['cpu']),
    memoryRequest: quantityValue(requests['memory'] ?? limits['memory']),
    memoryLimit: quantityValue(limits['memory']),
  };
  const known = Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount !== undefined));
  return { version, concurrency, queues: queues.length, ...known };
}

/** The container that runs the jobs. */
export const WORKER_CONTAINER = 'worker';

/** What the template says of the worker's resources, if anything; it is the user's own, of whatever shape. */
export function workerResources(template: WorkerPoolSpec['template']): Resources | undefined {
  const spec = template?.['spec'] as { containers?: unknown } | undefined;
  const containers = Array.isArray(spec?.containers) ? (spec.containers as unknown[]) : [];
  const worker = containers.find((container) => (container as { name?: unknown } | null)?.name === WORKER_CONTAINER);
  return (worker as { resources?: Resources } | undefined)?.resources;
}
