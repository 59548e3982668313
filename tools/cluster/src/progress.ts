export type Print = (line: string) => void;

export interface Progress {
  done(): void;
  fail(): void;
}

const HEARTBEAT_MS = 15_000;

/** Says that something began, every 15 s that it still goes on, and how long it took. */
export function startProgress(what: string, print: Print): Progress {
  const started = performance.now();
  const elapsed = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  print(`▶ ${what}`);
  const heartbeat = setInterval(() => print(`  … ${what} (${elapsed()})`), HEARTBEAT_MS);
  const end = (mark: string) => () => {
    clearInterval(heartbeat);
    print(`${mark} ${what} (${elapsed()})`);
  };
  return { done: end('✔'), fail: end('✘') };
}
