import { join } from 'node:path';
import { PYTHON, pythonPackages, startProcess, workspaceRoot, type ChildHandle } from '@redis-queue/rig';

/** Who may take part: official clients as their documentation has them, and the pods of this project. */
export const WORKERS = ['bullmq-6', 'bullmq-5', 'python', 'library-on-6', 'library-on-5', 'python-pod'] as const;
export type WorkerKind = (typeof WORKERS)[number];

export const PRODUCERS = ['bullmq-6', 'bullmq-5', 'python'] as const;
export type ProducerKind = (typeof PRODUCERS)[number];

export interface MemberOptions {
  readonly redisUrl: string;
  readonly queues: readonly string[];
  /** Lock and search times of all workers, so that none keeps the others from finding the jobs of the dead. */
  readonly locks: { readonly durationMs: number; readonly renewMs: number; readonly searchMs: number };
}

/** How the processes of a bench are started; the packages of Python are installed once. */
export async function prepareMembers(options: MemberOptions): Promise<Members> {
  return new Members(options, await pythonPackages(join(PYTHON_POD, 'requirements.txt')));
}

const PYTHON_POD = join(workspaceRoot, 'examples/python-worker');
/** A module hook of libs/worker: `bullmq` is BullMQ 5 in such a process. */
const ON_5 = ['--import', join(workspaceRoot, 'libs/worker/bullmq-5.ts')];
/** Jobs at once: of a plain worker per queue, of a pod over all queues. */
const CONCURRENCY = { plain: 2, pod: 8 };

export class Members {
  readonly #options: MemberOptions;
  readonly #pythonPath: string;

  constructor(options: MemberOptions, packages: string) {
    this.#options = options;
    this.#pythonPath = `${PYTHON_POD}:${packages}`;
  }

  startWorker(kind: WorkerKind, name: string): ChildHandle {
    const { locks } = this.#options;
    const env = {
      WORKER_LOCKS: JSON.stringify(locks),
      RQ_POD_NAME: name,
      RQ_CONCURRENCY: String(kind === 'bullmq-6' || kind === 'bullmq-5' || kind === 'python' ? CONCURRENCY.plain : CONCURRENCY.pod),
      RQ_HTTP_PORT: '0',
      RQ_GRACE_PERIOD_MS: '100',
      RQ_MAX_DRAIN_TIME_MS: '5000',
    };
    switch (kind) {
      case 'bullmq-6':
        return this.#node('plain-worker.ts', [], env);
      case 'bullmq-5':
        return this.#node('plain-worker.ts', ON_5, env);
      case 'library-on-6':
        return this.#node('library-worker.ts', [], env);
      case 'library-on-5':
        return this.#node('library-worker.ts', ON_5, env);
      case 'python':
        return this.#python('plain_worker.py', env);
      case 'python-pod':
        return this.#python('pod_worker.py', env);
    }
  }

  /** Adds `jobs` jobs within `overMs`, then ends. */
  startProducer(kind: ProducerKind, jobs: number, overMs: number): ChildHandle {
    const env = { PRODUCER: kind, PRODUCER_JOBS: String(jobs), PRODUCER_MS: String(overMs) };
    if (kind === 'python') return this.#python('producer.py', env);
    return this.#node('producer.ts', kind === 'bullmq-5' ? ON_5 : [], env);
  }

  #node(program: string, flags: readonly string[], env: Record<string, string>): ChildHandle {
    return startProcess(process.execPath, [...flags, join(import.meta.dirname, program)], { env: this.#env(env) });
  }

  #python(program: string, env: Record<string, string>): ChildHandle {
    return startProcess(PYTHON, [join(import.meta.dirname, program)], {
      env: { PYTHONPATH: this.#pythonPath, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1', ...this.#env(env) },
    });
  }

  #env(own: Record<string, string>): Record<string, string> {
    const { redisUrl, queues } = this.#options;
    const served = queues.map((queue) => ({ queue, name: queue, prefix: 'bull' }));
    return { REDIS_URL: redisUrl, RQ_QUEUES: JSON.stringify(served), ...own };
  }
}
