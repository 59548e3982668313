import {
  formatOwnerMark,
  GLOBAL_CONCURRENCY_FIELD,
  MAX_EVENTS_FIELD,
  RATE_LIMIT_FIELDS,
  rateLimitFields,
  type FencedWrite,
} from '@redis-queue/bullmq';
import type { QueueStep } from './steps.ts';

/** The steps that set and clear fields of a queue's `meta` and do nothing else. */
const META_STEPS = [
  'claim',
  'release',
  'beginRemoval',
  'endRemoval',
  'setRateLimit',
  'clearRateLimit',
  'setGlobalConcurrency',
  'clearGlobalConcurrency',
] as const satisfies QueueStep['kind'][];
type MetaStep = Extract<QueueStep, { kind: (typeof META_STEPS)[number] }>;

/** Steps that follow each other and are one write. */
export interface MetaWrite {
  readonly kind: 'writeMeta';
  readonly steps: readonly MetaStep[];
}

/** What is done in one go: all of it, or nothing. */
export type Action = Exclude<QueueStep, MetaStep> | MetaWrite;

/**
 * The steps in their order, those in a row that only write `meta` put together: a round trip less for each, and the mark
 * names every field before the write that sets it, or in the same one. Pure.
 */
export function actionsOf(steps: readonly QueueStep[]): Action[] {
  const actions: Action[] = [];
  for (const step of steps) {
    const last = actions.at(-1);
    if (!isMetaStep(step)) actions.push(step);
    else if (last?.kind !== 'writeMeta') actions.push({ kind: 'writeMeta', steps: [step] });
    else actions[actions.length - 1] = { ...last, steps: [...last.steps, step] };
  }
  return actions;
}

export function stepsOf(action: Action): readonly QueueStep[] {
  return action.kind === 'writeMeta' ? action.steps : [action];
}

/** All that the steps write; what a later step says of a field, or of the mark, counts. */
export function metaWrite(steps: readonly MetaStep[]): Omit<FencedWrite, 'expected'> {
  const fields = new Map<string, string | number | undefined>();
  let mark: string | undefined;
  for (const step of steps) {
    const { set = {}, clear = [], ...write } = writeOf(step);
    mark = write.mark ?? mark;
    for (const [field, value] of Object.entries(set)) fields.set(field, value);
    for (const field of clear) fields.set(field, undefined);
  }
  const set = [...fields].filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  const clear = [...fields.keys()].filter((field) => fields.get(field) === undefined);
  return { ...(mark !== undefined && { mark }), set: Object.fromEntries(set), clear };
}

interface StepWrite {
  readonly mark?: string;
  readonly set?: Readonly<Record<string, string | number>>;
  readonly clear?: readonly string[];
}

function writeOf(step: MetaStep): StepWrite {
  switch (step.kind) {
    case 'release':
      // In one write: what recurs sets it while the mark says that it is managed.
      return {
        mark: formatOwnerMark(step.mark),
        ...(step.fields.includes('maxEvents') && { clear: [MAX_EVENTS_FIELD] }),
      };
    case 'claim':
    case 'beginRemoval':
    case 'endRemoval':
      return { mark: formatOwnerMark(step.mark) };
    case 'setRateLimit':
      return { set: rateLimitFields(step.window) };
    case 'clearRateLimit':
      return { clear: RATE_LIMIT_FIELDS };
    case 'setGlobalConcurrency':
      return { set: { [GLOBAL_CONCURRENCY_FIELD]: step.value } };
    case 'clearGlobalConcurrency':
      return { clear: [GLOBAL_CONCURRENCY_FIELD] };
    default:
      return step satisfies never;
  }
}

function isMetaStep(step: QueueStep): step is MetaStep {
  return META_STEPS.some((kind) => kind === step.kind);
}
