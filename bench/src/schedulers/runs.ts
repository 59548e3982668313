/** A list: every run, as JSON. */
export const RUNS_KEY = 'scheduled-runs';
