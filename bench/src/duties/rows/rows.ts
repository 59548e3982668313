import { ENDS } from './ends.ts';
import { FETCHING } from './fetching.ts';
import { FILES } from './files.ts';
import { FLOWS } from './flows.ts';
import { HOLDING } from './holding.ts';
import { KEEPING } from './keeping.ts';
import { LIFECYCLE } from './lifecycle.ts';
import { LIMITS } from './limits.ts';
import { ON_PURPOSE } from './on-purpose.ts';
import { PODS } from './pods.ts';
import type { Row } from './row.ts';

/** Every duty, by subject. */
export const ROWS: Readonly<Record<string, readonly Row[]>> = {
  fetching: FETCHING,
  limits: LIMITS,
  ends: ENDS,
  flows: FLOWS,
  keeping: KEEPING,
  holding: HOLDING,
  lifecycle: LIFECYCLE,
  files: FILES,
  'two pods': PODS,
  'on purpose': ON_PURPOSE,
};
