import { changesMoreThanStatus } from '../controller/predicates.ts';
import type { Controller, ControllerOptions } from '../controller/types.ts';
import type { Manager } from '../manager/types.ts';
import type { FailureReason } from './failures.ts';
import { reconcileKind, reportKindFailure } from './reconcile-kind.ts';
import { STATUS_MANAGER, StatusWriter } from './status-writer.ts';
import type { Kind, KindObject, Plan } from './types.ts';
import { reportKindWaiting } from './waiting.ts';

/** What the API server refuses may be allowed by a role, quota or policy that no watch tells of: it is tried again this soon. */
const MAX_BACKOFF_MS = 10_000;

/** What hangs is said in the conditions within 10 s, so a reconcile that takes longer than this is given up. */
const RECONCILE_TIMEOUT_MS = 8_000;

/** What a controller of a kind needs beside the kind itself. */
export type ManageOptions<T extends KindObject> = Pick<
  ControllerOptions<T>,
  'cache' | 'concurrency' | 'owns' | 'serverOf' | 'watches'
> & {
  /** A reconcile that takes longer is given up, and said to be late. Default 8 s. */
  readonly reconcileTimeoutMs?: number;
  /** Wall time, for conditions. */
  readonly now?: () => Date;
};

/** Has `manager` reconcile the objects of a kind. */
export function manageKind<T extends KindObject, O, P extends Plan, R extends string>(
  manager: Manager,
  kind: Kind<T, O, P, R | FailureReason>,
  options: ManageOptions<T> = {},
): Controller {
  const { client, events } = manager;
  const { name, type, statusFields, memories = [] } = kind;
  const { now = () => new Date(), reconcileTimeoutMs = RECONCILE_TIMEOUT_MS, ...rest } = options;
  const { cache = manager.cache<T>(type) } = rest;
  const status = new StatusWriter<T>({
    client,
    type,
    fieldManager: STATUS_MANAGER,
    ...(statusFields && { fields: statusFields }),
  });
  const runtime = { client, events, status, now };
  cache.onChange((change, { metadata: { uid = '' } }) => {
    if (change === 'delete') for (const memory of [status, ...memories]) memory.forget(uid);
  });
  return manager.controller<T>({
    ...rest,
    cache,
    name,
    type,
    predicate: (change) => changesMoreThanStatus(change) || status.isOverwritten(change.object),
    maxBackoffMs: MAX_BACKOFF_MS,
    reconcileTimeoutMs,
    reconcile: (context) => reconcileKind(kind, context, runtime),
    onWaiting: (context, usedUp) => reportKindWaiting(kind, context, usedUp, runtime),
    onFailure: (context, error) => reportKindFailure(kind, context, error, runtime),
  });
}
