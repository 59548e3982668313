import type { Logger } from 'pino';
import { isNotFound } from '../client/api-error.ts';
import type { KubeClient } from '../client/kube-client.ts';
import { FairBand } from '../queue/fair-band.ts';
import { Shares, TENANT } from '../queue/shares.ts';
import { delay, systemClock } from '../time/clock.ts';
import { EVENTS, keyOf, keyToString, type Resource } from '../objects/resources.ts';
import { EventCorrelator, type EventPlan } from './event-correlator.ts';
import type { EventRecorder, ObjectEvent } from './event-types.ts';
import { timestamp } from '../time/timestamp.ts';

export interface ApiEventRecorderOptions {
  client: KubeClient;
  log: Logger;
  /** The controller that reports. */
  component: string;
  instance: string;
  /** Called for each event that nobody will ever see. */
  onLost?: (why: 'refused' | 'full') => void;
  wallTime?: () => Date;
  random?: () => number;
}

interface Pending {
  /** Whose turn and whose room it takes. */
  namespace: string;
  object: Resource;
  event: ObjectEvent;
  at: Date;
}

/**
 * When more than this many wait, further ones are dropped: an unreachable API server must not cost memory. A namespace
 * has a share of them, 1,000 when it is alone.
 */
const MAX_PENDING = 3_000;
/** Namespaces whose events are written at once: of each one event, so that an object's are counted in their order. */
const MAX_AT_ONCE = 8;
/** What hangs is given up, and said to be lost, within 10 s. */
const WRITE_TIMEOUT_MS = 5_000;
/** 50 per second: the events of a wave of changes must not slow down the changes themselves. */
const PAUSE_MS = 20;
/** The API server's bound on an event's message, in bytes. */
const MAX_MESSAGE = 1_024;

/**
 * Writes core/v1 Events in the background and with pauses: one after another within a namespace, and namespaces in turns,
 * so that one whose events cannot be written delays only its own.
 */
export class ApiEventRecorder implements EventRecorder {
  readonly #options: ApiEventRecorderOptions;
  readonly #correlator = new EventCorrelator();
  readonly #pending = new FairBand<Pending>();
  readonly #room = new Shares(MAX_PENDING);
  /** Namespaces of which an event is being written. */
  readonly #writing = new Set<string>();
  readonly #flushing = new AbortController();
  #pausing = false;
  #onIdle = (): void => {};

  constructor(options: ApiEventRecorderOptions) {
    this.#options = options;
  }

  record(object: Resource, event: ObjectEvent): void {
    const namespace = eventNamespace(object);
    if (this.#pending.size >= MAX_PENDING || !this.#room.admits(namespace, TENANT))
      return this.#options.onLost?.('full');
    const pending = { namespace, object, event, at: this.#options.wallTime?.() ?? new Date() };
    this.#room.begin([namespace]);
    this.#pending.push(pending, [namespace]);
    this.#beginNext();
  }

  /** Writes without further pauses. Resolves when everything recorded was written, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    this.#flushing.abort();
    const timeout = AbortSignal.timeout(timeoutMs);
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      timeout.addEventListener('abort', () => resolve(), { once: true });
      this.#beginNext();
    });
  }

  #beginNext(): void {
    if (this.#pending.size === 0 && this.#writing.size === 0) return this.#onIdle();
    if (this.#pausing || this.#writing.size >= MAX_AT_ONCE) return;
    const next = this.#pending.peek((namespace) => !this.#writing.has(namespace));
    if (!next) return;
    this.#pending.remove(next, [next.namespace]);
    this.#room.end([next.namespace]);
    this.#writing.add(next.namespace);
    void this.#tryWrite(next);
    void this.#pause();
  }

  async #pause(): Promise<void> {
    this.#pausing = true;
    await delay(systemClock, PAUSE_MS, this.#flushing.signal);
    this.#pausing = false;
    this.#beginNext();
  }

  async #tryWrite(pending: Pending): Promise<void> {
    try {
      await this.#write(pending);
    } catch (error) {
      const { reason } = pending.event;
      const object = keyToString(keyOf(pending.object));
      this.#options.onLost?.('refused');
      this.#options.log.warn({ err: error, object, reason }, 'event not written');
    }
    this.#writing.delete(pending.namespace);
    this.#beginNext();
  }

  async #write(pending: Pending): Promise<void> {
    const objectId = pending.object.metadata.uid ?? pending.object.metadata.name;
    const plan = this.#correlator.plan(objectId, pending.event, pending.at.getTime());
    if (plan.action === 'create') return this.#create(pending, plan.id, plan.message);
    if (plan.action === 'count') return this.#count(pending, plan);
  }

  async #count(pending: Pending, plan: Extract<EventPlan, { action: 'count' }>): Promise<void> {
    const key = { namespace: pending.namespace, name: plan.name };
    const patch = { count: plan.count, lastTimestamp: timestamp(pending.at), message: clip(plan.message) };
    try {
      await this.#options.client.mergePatch(EVENTS, key, patch, { signal: AbortSignal.timeout(WRITE_TIMEOUT_MS) });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // The API server forgets events after an hour.
      this.#correlator.gone(plan.id);
      await this.#create(pending, plan.id, plan.message);
    }
  }

  async #create({ namespace: writtenTo, object, event, at }: Pending, id: string, message: string): Promise<void> {
    const { component, instance, client, random = Math.random } = this.#options;
    const { namespace, name, uid, resourceVersion } = object.metadata;
    const unique = at.getTime().toString(16) + Math.floor(random() * 0xffff_ffff).toString(16);
    const eventName = `${name.slice(0, 220)}.${unique}`;
    const written = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: writtenTo, name: eventName },
      involvedObject: { apiVersion: object.apiVersion, kind: object.kind, namespace, name, uid, resourceVersion },
      type: event.type,
      reason: event.reason,
      message: clip(message),
      action: event.action ?? event.reason,
      count: 1,
      firstTimestamp: timestamp(at),
      lastTimestamp: timestamp(at),
      source: { component },
      reportingComponent: component,
      reportingInstance: instance,
    } as Resource;
    await client.create(EVENTS, written, { signal: AbortSignal.timeout(WRITE_TIMEOUT_MS) });
    this.#correlator.created(id, eventName);
  }
}

/** Events of cluster-scoped objects live in `default`, where kubectl looks for them. */
function eventNamespace(object: Resource): string {
  return object.metadata.namespace ?? 'default';
}

function clip(message: string): string {
  return Buffer.byteLength(message) <= MAX_MESSAGE
    ? message
    : `${Buffer.from(message)
        .subarray(0, MAX_MESSAGE - 8)
        .toString()}…`;
}
