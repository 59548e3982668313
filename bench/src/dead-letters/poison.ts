/** The jobs of the bench, which fail whenever they run. */
export interface PoisonJob {
  readonly index: number;
  /** To be put back once. */
  readonly third: boolean;
}

export const QUEUE = { prefix: 'bull', name: 'poison' } as const;
/** Each runs three times per life: two attempts of its own, and one that the mover adds. */
export const ATTEMPTS = 2;
export const MAX_RETRIES = 2;
/** A hash: how often each job ran. */
export const RUNS_KEY = 'poison-runs';
export const REDRIVE = 'every-third';
