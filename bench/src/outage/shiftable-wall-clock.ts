// Preloaded into an app: SIGUSR2 sets its wall clock forward by an hour, and back again. Monotonic time goes on, as it
// does when somebody sets a machine's clock.
const HOUR_MS = 3_600_000;
const RealDate = Date;
let aheadMs = 0;
process.on('SIGUSR2', () => (aheadMs = HOUR_MS - aheadMs));

globalThis.Date = class extends RealDate {
  constructor(...parts: unknown[]) {
    if (parts.length === 0) super(RealDate.now() + aheadMs);
    else super(...(parts as [number]));
  }
  static override now(): number {
    return RealDate.now() + aheadMs;
  }
} as DateConstructor;
