/** What a restore is fenced by. */
export interface RestoreFence {
  /** Of this restore alone; with it a run goes on where the one before it ended. */
  readonly restoreId: string;
  readonly signal: AbortSignal;
  /** @throws when another may lead by now. */
  readonly assertLeading: () => void;
}
