import type { RecordOf, Value } from '../snapshot/records.ts';
import type { ScriptArgument } from '../redis/scripts.ts';
import { OpenFlowError, openLinks, renameJobKey, type OpenFlows, type Rename } from './flow-links.ts';

/** A job as it is to be in Redis, in the arguments that scripts take. */
export interface RestoredJob {
  readonly id: string;
  /** Fields of its hash, each followed by its value: at most the first thousand. */
  readonly hash: readonly ScriptArgument[];
  /** Of all of them, the number. */
  readonly fields: number;
  readonly parts: readonly JobPart[];
}

/** What does not come with a job's hash. */
export interface JobPart {
  readonly name: 'fields' | 'logs' | 'dependencies' | 'processed' | 'failed' | 'unsuccessful';
  /** Fields each with a value, lines, keys of children, keys each with a value, or scores each with a key. */
  readonly texts: readonly ScriptArgument[];
  /** Texts that belong together: 1, or 2. */
  readonly width: 1 | 2;
}

type JobRecord = RecordOf<'job'>;

/**
 * What to write for a job of a backup, with its flow's keys as they are where the queues go. Pure.
 *
 * A link to a job in a queue that is not restored is left out with `Detach`: the child reports to nobody, the parent does
 * not wait for it. What finished children have left with their parent stays under their former keys.
 *
 * @throws OpenFlowError with `Refuse`.
 */
export function restoredJob(job: JobRecord, rename: Rename, openFlows: OpenFlows): RestoredJob {
  const [open] = openLinks(job, rename);
  if (open !== undefined && openFlows === 'Refuse') throw new OpenFlowError(job.id, open);
  const hash: ScriptArgument[] = [];
  for (const [field, value] of Object.entries(job.hash)) {
    const renamed = renameField(field, value, rename);
    if (renamed !== undefined) hash.push(field, argumentOf(renamed));
  }
  const parts: JobPart[] = [];
  const add = (name: JobPart['name'], texts: readonly ScriptArgument[], width: 1 | 2): void => {
    if (texts.length > 0) parts.push({ name, texts, width });
  };
  const childKey = (key: string): string => renameJobKey(key, rename) ?? key;
  const byChild = (values: Readonly<Record<string, Value>> = {}): ScriptArgument[] =>
    Object.entries(values).flatMap(([key, value]) => [childKey(key), argumentOf(value)]);
  add('fields', hash.slice(HASH_TEXTS), 2);
  add('logs', (job.logs ?? []).map(argumentOf), 1);
  add(
    'dependencies',
    (job.dependencies ?? []).flatMap((key) => renameJobKey(key, rename) ?? []),
    1,
  );
  add('processed', byChild(job.processed), 2);
  add('failed', byChild(job.failed), 2);
  add(
    'unsuccessful',
    (job.unsuccessful ?? []).flatMap(([key, score]) => [score, childKey(key)]),
    2,
  );
  return { id: job.id, hash: hash.slice(0, HASH_TEXTS), fields: hash.length / 2, parts };
}

/** More of one command are more than the stack of a client holds. */
const HASH_TEXTS = 2_000;

export function argumentOf(value: Value): ScriptArgument {
  return typeof value === 'string' ? value : Buffer.from(value.b64, 'base64');
}

/** About: of a text its characters. */
export function bytesOf(texts: readonly ScriptArgument[]): number {
  let bytes = 0;
  for (const text of texts) bytes += typeof text === 'number' ? 8 : text.length;
  return bytes;
}

/** Undefined: the field is left out, because its queue is not restored. */
function renameField(field: string, value: Value, rename: Rename): Value | undefined {
  if (typeof value !== 'string') return value;
  if (field === 'parentKey') return value === '' ? value : renameJobKey(value, rename);
  if (field === 'parent') return renameJson(value, (parent) => renameMember(parent, 'queueKey', rename));
  if (field === 'opts' && value.includes('"parent"'))
    return renameJson(value, (opts) => {
      const parent = opts['parent'];
      if (isObject(parent) && renameMember(parent, 'queue', rename) === undefined) delete opts['parent'];
      return opts;
    });
  return value;
}

/** Of JSON that cannot be read, or is nested too deep to be written again, the text as it is. */
function renameJson(
  text: string,
  change: (object: Record<string, unknown>) => Record<string, unknown> | undefined,
): string | undefined {
  try {
    const object: unknown = JSON.parse(text);
    if (!isObject(object)) return text;
    const changed = change(object);
    return changed && JSON.stringify(changed);
  } catch {
    return text;
  }
}

function renameMember(
  object: Record<string, unknown>,
  member: string,
  rename: Rename,
): Record<string, unknown> | undefined {
  const queueKey = object[member];
  if (typeof queueKey !== 'string') return object;
  const renamed = rename(queueKey);
  if (renamed === undefined) return undefined;
  object[member] = renamed;
  return object;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keys of the queue itself: a job of such an id, which some producer may have written, would be written over them. */
const OWN_KEYS = new Set([
  '',
  'active',
  'completed',
  'delay',
  'delayed',
  'events',
  'failed',
  'id',
  'limiter',
  'marker',
  'meta',
  'metrics',
  'paused',
  'pc',
  'prioritized',
  'priority',
  'repeat',
  'stalled',
  'stalled-check',
  'wait',
  'waiting-children',
]);
const OWN_PREFIX = /^(?:restore|de|dn|metrics):/;

/** Whether a job of that id can be restored. */
export function isJobId(id: string): boolean {
  return !OWN_KEYS.has(id) && !OWN_PREFIX.test(id);
}

const INTEGER = /^[1-9]\d{0,14}$/;

/** The number that an id is, which the counter of ids has to reach; 0: it is none. */
export function numberOf(id: string): number {
  return INTEGER.test(id) ? Number(id) : 0;
}
