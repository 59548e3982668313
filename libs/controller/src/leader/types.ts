export interface LeaderElectionOptions {
  namespace: string;
  leaseName: string;
  /** Default `<hostname>_<uuid>`. */
  identity?: string;
  /** How long a leader that stopped renewing is still respected. Default 15 s. */
  leaseDurationMs?: number;
  /** A leader that could not renew for so long gives up. Default 10 s. */
  renewDeadlineMs?: number;
  /** Between tries. Default 2 s. */
  retryPeriodMs?: number;
}
