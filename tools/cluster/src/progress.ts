export type Print = (line: string) => void;

export interface Progress {
  done(): void;
  fail(): void;
}

const HEARTBEAT_MS = 15_000;

/**
 * Says that something began, every 15 s that it still goes on, and how long it took.
 *
 * @param state what each of the lines in between says more, such as a count and the time left.
 */
export function startProgress(what: string, print: Print, state?: () => string): Progress {
  const started = performance.now();
  const elapsed = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  print(`▶ ${what}`);
  const heartbeat = setInterval(() => {
    print(`  … ${what}${state ? `: ${state()}` : ''} (${elapsed()})`);
  }, HEARTBEAT_MS);
  const end = (mark: string) => () => {
    clearInterval(heartbeat);
    print(`${mark} ${what} (${elapsed()})`);
  };
  return { done: end('✔'), fail: end('✘') };
}

/** What `work` returns; ends `progress` as it ends. */
export async function completed<T>(progress: Progress, work: Promise<T>): Promise<T> {
  try {
    const result = await work;
    progress.done();
    return result;
  } catch (error) {
    progress.fail();
    throw error;
  }
}
