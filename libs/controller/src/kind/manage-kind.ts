import type { Controller, ControllerOptions } from '../controller/types.ts';
import type { Manager } from '../manager/types.ts';
import { keyOf } from '../objects/resources.ts';
import { systemClock } from '../time/clock.ts';
import type { FailureReason } from './failures.ts';
import { reconcileKind, reportKindFailure } from './reconcile-kind.ts';
import { RepairPace } from './repair-pace.ts';
import { STATUS_MANAGER, StatusWriter } from './status-writer.ts';
import type { Kind, KindObject, Plan } from './types.ts';
import { reportKindWaiting } from './waiting.ts';

/**
 * What the API server refuses may be allowed by a role, quota or policy that no watch tells of. It is tried again this
 * soon, so that the conditions say so within 10 s.
 */
const MAX_BACKOFF_MS = 7_000;

/** What hangs is said in the conditions within 10 s, so a reconcile that takes longer than this is given up. */
const RECONCILE_TIMEOUT_MS = 8_000;

const OVERWRITTEN_AGAIN =
  'somebody else keeps changing the status, which is written again ever more rarely; see metadata.managedFields for who, and whether two releases watch this namespace';

/** What a controller of a kind needs beside the kind itself. */
export type ManageOptions<T extends KindObject> = Pick<
  ControllerOptions<T>,
  'cache' | 'concurrency' | 'owns' | 'serverOf' | 'watches'
> & {
  /** A reconcile that takes longer is given up, and said to be late. Default 8 s. */
  readonly reconcileTimeoutMs?: number;
  /** Wall time, for conditions. */
  readonly now?: () => Date;
  /** Monotonic, in ms, for how often what others overwrote is written again. */
  readonly elapsedMs?: () => number;
};

/** Has `manager` reconcile the objects of a kind. */
export function manageKind<T extends KindObject, O, P extends Plan, R extends string>(
  manager: Manager,
  kind: Kind<T, O, P, R | FailureReason>,
  options: ManageOptions<T> = {},
): Controller {
  const { client, events } = manager;
  const { name, type, statusFields, memories = [] } = kind;
  const {
    now = () => new Date(),
    elapsedMs = () => systemClock.now(),
    reconcileTimeoutMs = RECONCILE_TIMEOUT_MS,
    cache = manager.cache<T>(type),
    ...rest
  } = options;
  const status = new StatusWriter<T>({
    client,
    type,
    fieldManager: STATUS_MANAGER,
    ...(statusFields && { fields: statusFields }),
  });
  const runtime = { client, events, status, now };
  const repairs = new RepairPace();
  const forget = (uid: string): void => {
    for (const memory of [status, repairs, ...memories]) memory.forget(uid);
  };
  const controller = manager.controller<T>({
    ...rest,
    cache,
    name,
    type,
    maxBackoffMs: MAX_BACKOFF_MS,
    reconcileTimeoutMs,
    reconcile: (context) => {
      const { object, log } = context;
      const uid = object?.metadata.uid ?? '';
      // The cache shows our own writes by now: what differs from them is somebody else's.
      if (object && status.isOverwritten(object) && repairs.repairs(uid, elapsedMs()) === 2)
        log.warn(OVERWRITTEN_AGAIN);
      return reconcileKind(kind, context, runtime).finally(() => {
        // One that was deleted meanwhile was forgotten before this noted the last of it.
        if (object && cache.get(keyOf(object))?.metadata.uid !== uid) forget(uid);
      });
    },
    onWaiting: (context, usedUp) => reportKindWaiting(kind, context, usedUp, runtime),
    onFailure: (context, error) => reportKindFailure(kind, context, error, runtime),
  });
  cache.onChange((change, object) => {
    const { uid = '' } = object.metadata;
    if (change === 'delete') forget(uid);
    // A change of the status alone does not count, unless it undoes ours.
    if (change === 'update' && status.isOverwritten(object))
      controller.enqueue(keyOf(object), { afterMs: repairs.waitMs(uid, elapsedMs()) });
  });
  return controller;
}
