import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import { boundMetadata } from '../cache/bounded-metadata.ts';
import { ApiError, isConflict, isNotFound } from '../client/api-error.ts';
import type { KubeClient } from '../client/kube-client.ts';
import {
  keyOf,
  keyToString,
  resourceName,
  type ObjectKey,
  type Resource,
  type ResourceType,
} from '../objects/resources.ts';
import { FairPool } from '../queue/fair-pool.ts';
import { hasFinalizer, removeFinalizer } from './finalizers.ts';
import { isStillInstalled } from './still-installed.ts';

/** Objects that an app holds by a finalizer, until it has dealt with what they stand for. */
export interface HeldKind {
  readonly type: ResourceType;
  readonly finalizer: string;
  /** What is left behind where nobody deals with it, as a clause: `its data stays in Redis`. */
  readonly leaves: string;
}

export interface ReleaseOptions {
  readonly client: KubeClient;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Absent: all. */
  readonly namespaces?: readonly string[] | undefined;
  /** The controller's: while it is there, nothing is done. Absent: it is not looked for. */
  readonly unlessDeployment?: ObjectKey | undefined;
  /** What is left when it aborts is failed. */
  readonly signal: AbortSignal;
  /** Between two passes; resolves early when the signal aborts. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Objects per list; of each only the metadata is asked for. */
const PAGE = 500;
/** Writes at once. One namespace, where a webhook may hang on each, has a third of them. */
const CONCURRENCY = 24;
/** With pauses of 1, 2, 4 and 8 s between them: for rights that have only just been granted, and what was refused. */
const MAX_PASSES = 5;
const FIRST_PAUSE_MS = 1_000;
/** Of one namespace; what else it has waits for the next pass, so that the end does not wait for all of it. */
const MAX_UNANSWERED = 3;
/** Reads and writes of one object that others keep changing. */
const MAX_CONFLICTS = 5;
/** Log lines about single objects. */
const MAX_LINES = 1_000;
/** Names in the last line. */
const MAX_NAMES = 20;

/**
 * Takes the finalizers of an app off all objects, for when the app was uninstalled: they would wait for it for ever once
 * they are deleted, and their namespaces with them. What others hold stays held, and so does everything else of the
 * object. It ends with a pass that finds nothing, so that what a controller wrote on its way out is found too. A
 * controller that is still installed needs its finalizers: then nothing is done.
 *
 * @returns whether nothing is held any more, as far as can be known; what went wrong is logged
 */
export async function releaseFinalizers(kinds: readonly HeldKind[], options: ReleaseOptions): Promise<boolean> {
  const { log, signal, pause = wait } = options;
  if (options.unlessDeployment) {
    const said = await sayIfInstalled(options.unlessDeployment, { ...options, pause });
    if (said !== undefined) return said;
  }
  const report = objectReport(log);
  let total = 0;
  for (let pass = 1; ; pass++) {
    const { released, failed } = await releaseOnce(kinds, { ...options, report });
    total += released;
    if (released === 0 && failed.length === 0) {
      log.info({ released: total }, 'no object is held any more');
      return true;
    }
    if (pass === MAX_PASSES || signal.aborted) return sayEnd(log, total, failed);
    await pause(FIRST_PAUSE_MS * 2 ** (pass - 1), signal);
  }
}

/** @returns whether all is well where nothing is to be done; undefined: go on */
async function sayIfInstalled(
  deployment: ObjectKey,
  { log, ...options }: ReleaseOptions & Pick<Required<ReleaseOptions>, 'pause'>,
): Promise<boolean | undefined> {
  const fields = { deployment: keyToString(deployment) };
  try {
    if (!(await isStillInstalled(deployment, options))) return undefined;
    const why =
      'nothing was done, since the controller is installed: its Deployment is there; whoever renders the chart with helm template leaves this Job out with --no-hooks';
    log.warn(fields, why);
    return true;
  } catch (error) {
    log.error(
      { ...fields, err: messageOf(error) },
      'nothing was done: whether the controller is installed is not known',
    );
    return false;
  }
}

function sayEnd(log: ReleaseOptions['log'], released: number, failed: readonly string[]): boolean {
  if (failed.length === 0) {
    const why =
      'a controller that still runs adds the finalizers again; it takes them off when the objects are deleted';
    log.warn({ released }, why);
    return true;
  }
  const still = `still held, and not gone once they are deleted until their finalizers are removed by hand`;
  log.error({ released, failed: failed.length, first: failed.slice(0, MAX_NAMES) }, still);
  return false;
}

interface Held {
  readonly kind: HeldKind;
  readonly object: Resource;
}

type Context = ReleaseOptions & { readonly report: ObjectReport };

/** What a pass did. `failed` has names of objects, or of what could not be listed. */
interface Pass {
  readonly released: number;
  readonly failed: readonly string[];
}

async function releaseOnce(kinds: readonly HeldKind[], context: Context): Promise<Pass> {
  const failed: string[] = [];
  const held: Held[] = [];
  for (const kind of kinds) {
    for (const namespace of context.namespaces ?? [undefined]) {
      try {
        for (const object of await listHeld(kind, namespace, context)) held.push({ kind, object });
      } catch (error) {
        const what = `${resourceName(kind.type)} in ${namespace ?? 'all namespaces'}`;
        context.log.warn({ err: messageOf(error) }, `${what} cannot be listed`);
        failed.push(what);
      }
    }
  }
  const released = await releaseAll(held, context, (name) => failed.push(name));
  return { released, failed };
}

/** The objects with the finalizer; none where the API server knows no such kind any more. */
async function listHeld(
  { type, finalizer }: HeldKind,
  namespace: string | undefined,
  { client, signal }: Context,
): Promise<Resource[]> {
  const held: Resource[] = [];
  let token: string | undefined;
  try {
    do {
      const page = await client.list(type, {
        namespace,
        continue: token,
        limit: PAGE,
        metadataOnly: true,
        each: (item) => boundHeld(item, finalizer),
        signal,
      });
      for (const item of page.items) if (hasFinalizer(item, finalizer)) held.push(item);
      token = page.metadata.continue;
    } while (token);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
  return held;
}

/** What a tenant has made large is cut, but never the finalizer that is looked for. */
function boundHeld(item: Resource, finalizer: string): Resource {
  const isHeld = hasFinalizer(item, finalizer);
  const { metadata } = boundMetadata(item);
  const others = metadata.finalizers?.filter((name) => name !== finalizer) ?? [];
  const { name, namespace, uid, resourceVersion, deletionTimestamp } = metadata;
  const finalizers = isHeld ? [...others, finalizer] : [];
  return { ...item, metadata: { name, namespace, uid, resourceVersion, deletionTimestamp, finalizers } };
}

/** @returns how many were written */
async function releaseAll(held: readonly Held[], context: Context, onFailed: (name: string) => void): Promise<number> {
  const unanswered = new Map<string, number>();
  let released = 0;
  const release = async ({ kind, object }: Held): Promise<void> => {
    const { namespace = '' } = object.metadata;
    const name = `${kind.type.kind} ${keyToString(keyOf(object))}`;
    if ((unanswered.get(namespace) ?? 0) >= MAX_UNANSWERED) return onFailed(name);
    try {
      if (!(await releaseOne(kind, object, context))) return;
      released++;
      context.report.released(kind, object);
    } catch (error) {
      if (!(error instanceof ApiError)) unanswered.set(namespace, (unanswered.get(namespace) ?? 0) + 1);
      context.report.failed(kind, object, error);
      onFailed(name);
    }
  };
  const pool = new FairPool(CONCURRENCY);
  const tasks = held.map((each) => ({
    path: [each.object.metadata.namespace ?? ''] as const,
    last: false,
    run: () => release(each),
  }));
  await Promise.all(pool.runAll(tasks));
  return released;
}

/** @returns whether it was written; not where the object or the finalizer was gone */
async function releaseOne(
  { type, finalizer }: HeldKind,
  object: Resource,
  { client, signal }: Context,
): Promise<boolean> {
  let newest: Resource | undefined = object;
  for (let attempt = 1; newest; attempt++) {
    signal.throwIfAborted();
    try {
      return (await removeFinalizer(client, type, newest, finalizer, { signal })) !== newest;
    } catch (error) {
      if (!isConflict(error) || attempt === MAX_CONFLICTS) throw error;
      newest = await client.get(type, keyOf(object), { signal });
    }
  }
  return false;
}

interface ObjectReport {
  released(kind: HeldKind, object: Resource): void;
  failed(kind: HeldKind, object: Resource, error: unknown): void;
}

/** A line per object, up to a number. */
function objectReport(log: ReleaseOptions['log']): ObjectReport {
  let lines = 0;
  const say = (
    level: 'info' | 'warn',
    { type }: HeldKind,
    { metadata }: Resource,
    said: object,
    text: string,
  ): void => {
    lines++;
    if (lines <= MAX_LINES) log[level]({ kind: type.kind, object: keyToString(keyOf({ metadata })), ...said }, text);
    if (lines === MAX_LINES) log.info('further objects get no line of their own');
  };
  return {
    released: (kind, object) => {
      const { finalizer, leaves } = kind;
      const gone = object.metadata.deletionTimestamp ? 'it was being deleted; ' : '';
      say('info', kind, object, { finalizer }, `finalizer taken off: ${gone}${leaves}`);
    },
    failed: (kind, object, error) => say('warn', kind, object, { err: messageOf(error) }, 'finalizer not taken off'),
  };
}

/** Without the stack, which is ours alone: thousands of objects may fail in one way. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Keeps the process alive, unlike the clock of the runtime: nothing else may be under way. */
async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => undefined);
}
