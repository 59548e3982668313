/** What is known of one job, by the clock that Redis has as well; Unix ms. */
export interface LedgerJob {
  /** When it was known to be there; Infinity: not yet. */
  addedMs: number;
  /** When its removal was asked for. */
  removedMs?: number;
  /** When it was known to have ended. */
  endedMs?: number;
  /** Versions of its data: when each was asked for, and when it was known to be there. The first is 1. */
  readonly versions: { readonly version: number; readonly sentMs: number; readonly knownMs: number }[];
}

export type LedgerEntry =
  | readonly ['added', id: string, knownMs: number]
  | readonly ['changed', id: string, version: number, sentMs: number, knownMs: number]
  | readonly ['ended', id: string, knownMs: number]
  | readonly ['removed', id: string, sentMs: number];

/** As a line of the file. */
export function ledgerLine(entry: LedgerEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** What a file of lines says; of the last one, perhaps only a part is there. */
export function readLedger(text: string): Map<string, LedgerJob> {
  const jobs = new Map<string, LedgerJob>();
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    if (line === '') continue;
    const entry = JSON.parse(line) as LedgerEntry;
    const [kind, id] = entry;
    // A worker may end a job before who added it knows that it is there.
    const job = jobs.get(id) ?? { addedMs: Infinity, versions: [] };
    jobs.set(id, job);
    if (kind === 'added') job.addedMs = entry[2];
    else if (kind === 'changed') job.versions.push({ version: entry[2], sentMs: entry[3], knownMs: entry[4] });
    else if (kind === 'ended') job.endedMs = entry[2];
    else job.removedMs = entry[2];
  }
  return jobs;
}

/** A job as a restore has it. */
export interface FoundJob {
  readonly version: number;
  readonly hasEnded: boolean;
}

/** When a point was read, Unix ms. */
export interface PointWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Verdict {
  /** Jobs that were there all the time while the point was read. */
  readonly throughout: number;
  /** Of those: not restored. */
  readonly missing: number;
  /** Restored with a version that they did not have meanwhile, or as not ended although they had before. */
  readonly different: number;
}

/** Whether a restored point has all that was there all the time while it was read, as it was then. */
export function judge(
  ledger: ReadonlyMap<string, LedgerJob>,
  found: ReadonlyMap<string, FoundJob>,
  { fromMs, toMs }: PointWindow,
): Verdict {
  let [throughout, missing, different] = [0, 0, 0];
  for (const [id, { addedMs, removedMs = Infinity, endedMs = Infinity, versions }] of ledger) {
    if (addedMs >= fromMs || removedMs <= toMs) continue;
    throughout++;
    const job = found.get(id);
    if (!job) {
      missing++;
      continue;
    }
    const oldest = Math.max(1, ...versions.filter(({ knownMs }) => knownMs < fromMs).map(({ version }) => version));
    const newest = Math.max(1, ...versions.filter(({ sentMs }) => sentMs <= toMs).map(({ version }) => version));
    const isAsItWas = job.version >= oldest && job.version <= newest && (job.hasEnded || endedMs >= fromMs);
    if (!isAsItWas) different++;
  }
  return { throughout, missing, different };
}
