/** The field of a queue's `meta` hash that says which object governs it. BullMQ keeps fields it does not know. */
export const OWNER_FIELD = 'redis-queue:owner';

/**
 * The parts of a queue's policy that its owner has set, and has to clear when the spec no longer names them; with
 * `deadLetters` it has put its mark on the dead-letter queue too.
 */
export const MANAGED_FIELDS = ['rateLimit', 'globalConcurrency', 'paused', 'deadLetters', 'maxEvents'] as const;
export type ManagedField = (typeof MANAGED_FIELDS)[number];

export interface OwnerMark {
  /** `clusterId/namespace/name`; the cluster's id is the uid of its namespace kube-system. */
  readonly owner: string;
  readonly managed: readonly ManagedField[];
  /** ISO 8601. */
  readonly adoptedAt: string;
  /** Present while the owner removes the queue. */
  readonly removal?: QueueRemoval;
}

/** Makes the mark unique to one removal by one leader: a round of any other finds another mark, and removes nothing. */
export interface QueueRemoval {
  /** Of the process that removes, for as long as it leads. */
  readonly fence: string;
  /** The removal has paused the queue: who keeps the data after all resumes it. */
  readonly paused: boolean;
}

export interface OwnerName {
  readonly clusterId: string;
  readonly namespace: string;
  readonly name: string;
}

const MARK_VERSION = 1;
/** Later ones leave no room for a mark that is newer, with a year of four digits. */
const LATEST_MS = Date.UTC(9999, 0);
const DATE = /^\d{4}-\d{2}-\d{2}T[\d:.]{8,12}Z$/;

export function formatOwner({ clusterId, namespace, name }: OwnerName): string {
  return `${clusterId}/${namespace}/${name}`;
}

/** As Kubernetes names namespaces, and objects of our kinds. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;

/**
 * @returns undefined for a text that is no `clusterId/namespace/name` of an object that there can be: whoever may write
 * to the queue may write any, and the API server, when it is asked for `.` or `..`, says neither that it exists nor
 * that it is gone.
 */
export function parseOwner(text: string): OwnerName | undefined {
  const [clusterId, namespace = '', name = '', ...rest] = text.split('/');
  const isName = NAMESPACE.test(namespace) && NAME.test(name) && rest.length === 0;
  return clusterId && isName ? { clusterId, namespace, name } : undefined;
}

/** The stored mark, where it can be read and names that owner. */
export function ownMark(text: string | undefined, owner: string): OwnerMark | undefined {
  const mark = parseOwnerMark(text);
  return typeof mark === 'object' && mark.owner === owner ? mark : undefined;
}

/** The mark as stored. Equal marks give equal texts, because stored texts are compared. */
export function formatOwnerMark(mark: OwnerMark): string {
  const managed = MANAGED_FIELDS.filter((field) => mark.managed.includes(field));
  const { owner, adoptedAt, removal } = mark;
  return JSON.stringify({
    v: MARK_VERSION,
    owner,
    managed,
    adoptedAt,
    ...(removal && { removal: { fence: removal.fence, paused: removal.paused } }),
  });
}

/**
 * Reads a stored mark; fields and managed names of later minor versions are ignored.
 * @returns 'unreadable' for what is not a mark of a version known here: such a queue must not be touched.
 */
export function parseOwnerMark(text: string | undefined): OwnerMark | undefined | 'unreadable' {
  if (text === undefined) return undefined;
  try {
    const { v, owner, managed, adoptedAt, removal } = JSON.parse(text) as Record<string, unknown>;
    if (v !== MARK_VERSION || typeof owner !== 'string' || !Array.isArray(managed)) return 'unreadable';
    return {
      owner,
      managed: MANAGED_FIELDS.filter((field) => managed.includes(field)),
      adoptedAt: dateOf(adoptedAt),
      ...(isRecord(removal) && { removal: { fence: String(removal['fence']), paused: removal['paused'] === true } }),
    };
  } catch {
    return 'unreadable';
  }
}

/** As the API server takes it, since it is shown in a status: whoever may write to the queue may write anything. */
function dateOf(text: unknown): string {
  const ms = typeof text === 'string' && DATE.test(text) ? Date.parse(text) : Number.NaN;
  return new Date(ms <= LATEST_MS ? ms : 0).toISOString();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
