import type { Resource } from '@redis-queue/controller';
import type { ObjectWatch } from '../cluster-objects/object-watch.ts';
import type { Reaction } from './summary.ts';

export interface Sized extends Resource {
  spec: { replicas?: number };
}

/**
 * Sends `burst` to a queue whose Deployment has no replicas, and follows `spec.replicas` until it is `finalSize`.
 * The clock starts before the burst is sent.
 *
 * @throws when the Deployment is not at zero, or not at the final size in time.
 */
export async function watchBurst(
  deployments: ObjectWatch<Sized>,
  name: string,
  finalSize: number,
  timeoutMs: number,
  burst: () => Promise<unknown>,
): Promise<Reaction> {
  const before = deployments.objects.get(name)?.spec.replicas;
  if (before !== 0) throw new Error(`Deployment ${name} has ${before ?? 'no'} replicas before the burst, not 0`);
  const sizes: number[] = [];
  let firstMs = Number.NaN;
  const { promise: final, resolve, reject } = Promise.withResolvers<number>();
  const startMs = performance.now();
  const unsubscribe = deployments.onChange(({ metadata, spec }) => {
    const replicas = spec.replicas ?? 1;
    if (metadata.name !== name || replicas === (sizes.at(-1) ?? 0)) return;
    const sinceMs = performance.now() - startMs;
    if (sizes.length === 0) firstMs = sinceMs;
    sizes.push(replicas);
    if (replicas === finalSize) resolve(sinceMs);
  });
  const timer = setTimeout(() => {
    const way = [0, ...sizes].join(' → ');
    reject(new Error(`waited ${timeoutMs} ms for Deployment ${name} to have ${finalSize} replicas: ${way}`));
  }, timeoutMs);
  try {
    const [finalMs] = await Promise.all([final, burst()]);
    return { firstMs, finalMs, sizes };
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
}
