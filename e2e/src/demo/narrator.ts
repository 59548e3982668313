/** Prints what the demo does: one line per step with the time so far, and a sign of life while a step takes long. */
export interface Narrator {
  step: (what: string) => void;
  note: (text: string) => void;
  /** No signs of life until the next step: something else prints. */
  quiet: () => void;
  end: () => void;
}

const SIGN_OF_LIFE_MS = 10_000;

export function narrator(out: { write: (text: string) => unknown }): Narrator {
  const started = performance.now();
  let current = '';
  let quietSince = started;
  const say = (text: string): void => {
    quietSince = performance.now();
    out.write(`${text}\n`);
  };
  const elapsed = (): string => `${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s`;
  const timer = setInterval(() => {
    if (current && performance.now() - quietSince >= SIGN_OF_LIFE_MS) say(`[${elapsed()}]   … ${current}`);
  }, SIGN_OF_LIFE_MS / 2);
  timer.unref();
  return {
    step: (what) => {
      current = what;
      say(`[${elapsed()}] ▶ ${what}`);
    },
    note: (text) => say(text.trimEnd().replaceAll(/^/gm, '            ')),
    quiet: () => {
      current = '';
    },
    end: () => clearInterval(timer),
  };
}
