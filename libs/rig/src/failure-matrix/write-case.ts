import type { ResourceType } from '@redis-queue/controller';
import type { Fault } from '../api-proxy/faults.ts';
import type { WithConditions } from '../controllers/objects.ts';

/** One kind of write of a controller, and how to have it done. */
export interface WriteCase {
  readonly name: string;
  /** Of the object that the write is for; absent: that of the matrix. */
  readonly type?: ResourceType;
  /** As `kindOfWrite` has it. */
  readonly write: string;
  /** Makes what has to be there before, in a namespace that was just made. */
  readonly before?: (namespace: string) => Promise<unknown>;
  /** Has the controller do the write. */
  readonly trigger: (namespace: string) => Promise<unknown>;
  /** Done all the time from then on, as somebody else of the product does. */
  readonly meanwhile?: (namespace: string) => Promise<unknown>;
  /** What the report has to name, beside the reason. */
  readonly names: RegExp;
  /** Where a failure shows: in a condition of the object or, where that cannot be written, in the log and a metric. */
  readonly shows: 'condition' | 'log';
  /** Whether what was to be written is there; beside conditions that are well. */
  readonly landed?: (object: WithConditions) => boolean;
  /** The write deletes the object: all is well once it is gone. */
  readonly deletes?: true;
}

/** What a condition may give as its reason for each fault. */
export const REASONS: Readonly<Record<Fault, RegExp>> = {
  'no right': /^ApiForbidden$/,
  'a quota': /^ApiQuotaExceeded$/,
  'too large': /^ApiRequestTooLarge$/,
  invalid: /^(ApiRequestRefused|TemplateInvalid)$/,
  'too many requests': /^ApiThrottled$/,
  'far too many requests': /^ApiThrottled$/,
  'a failure of its own': /^ApiUnavailable$/,
  'no answer': /^(ReconcileTimeout|ApiUnavailable)$/,
};

/** What became of one kind of write that met one fault. */
export interface CellResult {
  readonly write: string;
  readonly fault: Fault;
  /** From the first answer until a condition, or the log and a metric, named it; undefined: never. */
  readonly reportedMs: number | undefined;
  readonly report: string;
  /** From the end of the fault until the object was well again; undefined: never. */
  readonly recoveredMs: number | undefined;
}
