export interface LeaderElectionOptions {
  namespace: string;
  leaseName: string;
  /**
   * No two processes that run at once may share it. One that survives restarts, such as a pod's name, takes its own
   * lease back at once instead of waiting until it runs out. Default `<hostname>_<uuid>`.
   */
  identity?: string;
  /** How long a leader that stopped renewing is still respected. Default 15 s. */
  leaseDurationMs?: number;
  /** A leader that could not renew for this long gives up. Default 10 s. */
  renewDeadlineMs?: number;
  /** Pause between tries. Default 2 s. */
  retryPeriodMs?: number;
}
