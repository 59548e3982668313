import type { RedisServer } from '@redis-queue/rig';
import type { PodQueue } from '@redis-queue/workerpool-controller/pod-template';

/** What a pod is started with. */
export interface PodRequest {
  readonly name: string;
  readonly queues: readonly PodQueue[];
  /** RQ_CONCURRENCY */
  readonly concurrency: number;
  readonly drainPolicy: { readonly gracePeriod: string; readonly maxDrainTime: string };
  /** Whether its container is started again when it ends, in the same pod. */
  readonly restarts: boolean;
}

/** A pod of the image under test, or what stands for one. */
export interface Pod {
  /** RQ_POD_NAME */
  readonly name: string;
  /** @returns undefined where nothing answers */
  readonly get: (path: string) => Promise<{ status: number; body: string } | undefined>;
  /** SIGTERM, as at the deletion of the pod; called again, it is a second SIGTERM. */
  readonly terminate: () => Promise<void>;
  /** SIGKILL, as the kernel does when memory runs out; resolves when what was killed is gone. */
  readonly kill: () => Promise<void>;
  /** Whether its container has ended. */
  readonly ended: () => Promise<boolean>;
}

/** A Redis, and pods that work on it. */
export interface PodSite {
  /** RQ_POOL_NAMESPACE */
  readonly namespace: string;
  readonly redis: RedisServer;
  /** What it takes at most until what it is told has reached a pod, and what the pod does is seen. */
  readonly delayMs: number;
  /** @throws Error that says why the pod does not run */
  readonly start: (request: PodRequest) => Promise<Pod>;
  /** Ends all that was started. */
  readonly close: () => Promise<void>;
}

/** Where the image under test runs. */
export interface PodRuntime {
  /** A site for one row, beside those of others. */
  readonly openSite: () => Promise<PodSite>;
}

/** A restart of Redis keeps what it has acknowledged. */
export const REDIS_ARGS = ['--appendonly', 'yes', '--appendfsync', 'always'];
