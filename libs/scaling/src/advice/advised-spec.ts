import type { WorkerPoolSpec } from '@redis-queue/api';
import { quantityValue } from '@redis-queue/api';

/** The parts of a pool's spec that advice is given on. Cores and bytes; absent: not set. */
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

/** The container's resources as the Deployment has them: the spec's, overridden by those of the template. */
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

/** The worker's resources in the template, if it has any; the template is the user's and may have any shape. */
export function workerResources(template: WorkerPoolSpec['template']): Resources | undefined {
  const spec = template?.['spec'] as { containers?: unknown } | undefined;
  const containers = Array.isArray(spec?.containers) ? (spec.containers as unknown[]) : [];
  const worker = containers.find((container) => (container as { name?: unknown } | null)?.name === WORKER_CONTAINER);
  return (worker as { resources?: Resources } | undefined)?.resources;
}
