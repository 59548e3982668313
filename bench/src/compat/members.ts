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
const PROGRAMS: Readonly<Record<WorkerKind, Program>> = {
  'bullmq-6': { file: 'plain-worker.ts', flags: [], concurrency: 2 },
  'bullmq-5': { file: 'plain-worker.ts', flags: ON_5, concurrency: 2 },
  python: { file: 'plain_worker.py', flags: [], concurrency: 2 },
  'library-on-6': { file: 'library-worker.ts', flags: [], concurrency: 8 },
  'library-on-5': { file: 'library-worker.ts', flags: ON_5, concurrency: 8 },
  'python-pod': { file: 'pod_worker.py', flags: [], concurrency: 8 },
};

interface Program {
  readonly file: string;
  /** Of Node. */
  readonly flags: readonly string[];
  readonly concurrency: number;
}

export class Members {
  readonly #options: MemberOptions;
  readonly #pythonPath: string;

  constructor(options: MemberOptions, packages: string) {
    this.#options = options;
    this.#pythonPath = `${PYTHON_POD}:${packages}`;
  }

  startWorker(kind: WorkerKind, name: string): ChildHandle {
    const { concurrency, ...program } = PROGRAMS[kind];
    return this.#start(program, {
      WORKER_LOCKS: JSON.stringify(this.#options.locks),
      RQ_POD_NAME: name,
      RQ_CONCURRENCY: String(concurrency),
      RQ_HTTP_PORT: '0',
      RQ_GRACE_PERIOD_MS: '100',
      RQ_MAX_DRAIN_TIME_MS: '5000',
    });
  }

  /** Adds `jobs` jobs within `overMs`, then ends. */
  startProducer(kind: ProducerKind, jobs: number, overMs: number): ChildHandle {
    const file = kind === 'python' ? 'producer.py' : 'producer.ts';
    const env = { PRODUCER: kind, PRODUCER_JOBS: String(jobs), PRODUCER_MS: String(overMs) };
    return this.#start({ file, flags: kind === 'bullmq-5' ? ON_5 : [] }, env);
  }

  #start({ file, flags }: Pick<Program, 'file' | 'flags'>, own: Record<string, string>): ChildHandle {
    const { redisUrl, queues } = this.#options;
    const served = queues.map((queue) => ({ queue, name: queue, prefix: 'bull' }));
    const env = { REDIS_URL: redisUrl, RQ_QUEUES: JSON.stringify(served), ...own };
    const path = join(import.meta.dirname, file);
    if (!file.endsWith('.py')) return startProcess(process.execPath, [...flags, path], { env });
    const python = { PYTHONPATH: this.#pythonPath, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' };
    return startProcess(PYTHON, [path], { env: { ...python, ...env } });
  }
}
