/** What a run is at. */
export interface RunProgress {
  readonly step: 'Reading' | 'Checking' | 'Writing' | 'Comparing';
  /** As the backup names it. */
  readonly queue: string;
  readonly jobs: number;
  /** Absent: not known yet. */
  readonly of?: number;
  readonly queuesDone: number;
}
