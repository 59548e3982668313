import type { RedisTarget } from '@redis-queue/bullmq';
import { expect, it } from 'vitest';
import { followBus, type BusSource } from './source.ts';

/** A source that a test moves from place to place. */
class MovingBus implements BusSource {
  readonly #listeners = new Set<() => void>();
  #host: string | undefined;

  readonly caches = [];

  redis = (): RedisTarget | undefined => (this.#host === undefined ? undefined : { host: this.#host, port: 6379 });
  problem = (): string | undefined => (this.#host === undefined ? 'the Secret does not exist' : undefined);
  onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  get followers(): number {
    return this.#listeners.size;
  }

  move(host: string | undefined): void {
    this.#host = host;
    for (const listener of this.#listeners) listener();
  }
}

/** Lets what waits on promises go on. */
const settle = () => new Promise((resolve) => setImmediate(resolve));
const whenAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

function follow(bus: MovingBus, use: (host: string, signal: AbortSignal) => Promise<void>) {
  const stop = new AbortController();
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (_: object, text: string) => void warnings.push(text) };
  const done = followBus(bus, log as never, stop.signal, (redis, signal) =>
    use('host' in redis ? redis.host : '', signal),
  );
  return { stop, warnings, done };
}

it('waits for a bus, uses one after the other, and closes each before the next', async () => {
  const bus = new MovingBus();
  const steps: string[] = [];
  const { stop, warnings, done } = follow(bus, async (host, signal) => {
    steps.push(`open ${host}`);
    await whenAborted(signal);
    steps.push(`close ${host}`);
  });
  await settle();
  expect(warnings).toEqual(['no bus: the Secret does not exist']);
  for (const host of ['one', 'two', undefined, 'three']) {
    bus.move(host);
    // oxlint-disable-next-line no-await-in-loop -- one move after the other
    await settle();
  }
  stop.abort();
  await done;
  expect(steps).toEqual(['one', 'two', 'three'].flatMap((host) => [`open ${host}`, `close ${host}`]));
  expect(bus.followers).toBe(0);
});

it('goes on when what was cut off by a change fails, and ends when a bus fails by itself', async () => {
  const bus = new MovingBus();
  bus.move('one');
  const { warnings, done } = follow(bus, async (host, signal) => {
    if (host === 'two') throw new Error('broken');
    await whenAborted(signal);
    throw new Error('cut off');
  });
  await settle();
  bus.move('two');
  await expect(done).rejects.toThrow('broken');
  expect(warnings).toEqual(['the former bus was not left in order']);
});
