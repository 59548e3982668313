import { kubectl, type ControlPlane } from '@redis-queue/rig';
import { API_VERSION } from '../kinds/meta.ts';

/** An object of a test; what a user would write to a file. */
export interface Draft {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: Record<string, unknown>;
}

/** A Queue with this spec. */
export const queueDraft = (spec: Record<string, unknown> = {}, name = 'emails'): Draft => ({
  apiVersion: API_VERSION,
  kind: 'Queue',
  metadata: { name },
  spec,
});

/** A QueueRedrive of the Queue `emails` with this spec. */
export const redriveDraft = (spec: Record<string, unknown> = {}, name = 'again'): Draft => ({
  apiVersion: API_VERSION,
  kind: 'QueueRedrive',
  metadata: { name },
  spec: { queueRef: { name: 'emails' }, ...spec },
});

/** A QueueBackup of the Queue `emails` with this spec; `undefined` removes a field. */
export const backupDraft = (spec: Record<string, unknown> = {}, name = 'nightly'): Draft => ({
  apiVersion: API_VERSION,
  kind: 'QueueBackup',
  metadata: { name },
  spec: { queues: { names: ['emails'] }, storage: { volume: {} }, ...spec },
});

/** A QueueRestore of the QueueBackup `nightly` with this spec. */
export const restoreDraft = (spec: Record<string, unknown> = {}, name = 'back'): Draft => ({
  apiVersion: API_VERSION,
  kind: 'QueueRestore',
  metadata: { name },
  spec: { from: { backup: { name: 'nightly' } }, ...spec },
});

/** A WorkerPool that is valid except for what `spec` changes; `undefined` removes a field. */
export const poolDraft = (spec: Record<string, unknown> = {}, name = 'email-workers'): Draft => ({
  apiVersion: API_VERSION,
  kind: 'WorkerPool',
  metadata: { name },
  spec: { image: 'registry.example/worker', version: '1.4.2', queues: ['emails'], ...spec },
});

/** What a user does with kubectl in one namespace, and what kubectl answers: its output, or its error text. */
export class Kubectl {
  readonly #kubeconfigPath: string;
  readonly #namespace: string;

  constructor(controlPlane: ControlPlane, namespace: string) {
    this.#kubeconfigPath = controlPlane.kubeconfigPath;
    this.#namespace = namespace;
  }

  run(...args: string[]): Promise<string> {
    return kubectl(this.#kubeconfigPath, ['--namespace', this.#namespace, ...args]);
  }

  /** Creates or updates the object as server-side apply does. */
  apply(draft: Draft, ...flags: string[]): Promise<string> {
    const args = ['apply', '--namespace', this.#namespace, '--server-side', '--filename=-', ...flags];
    return kubectl(this.#kubeconfigPath, args, JSON.stringify(draft));
  }

  /** Whether the API server would take the object; nothing is stored. */
  check(draft: Draft): Promise<string> {
    return this.apply(draft, '--dry-run=server');
  }

  /** Writes into the object's status as its controller would. */
  async writeStatus(resource: string, name: string, status: object): Promise<void> {
    const patch = JSON.stringify({ status });
    await this.run('patch', resource, name, '--subresource=status', '--type=merge', '--patch', patch);
  }

  /** The stored object. */
  async get<T>(resource: string, name: string): Promise<T> {
    return JSON.parse(await this.run('get', resource, name, '--output=json')) as T;
  }

  /** The table of `kubectl get` by lines, without the age. */
  async table(resource: string, name: string, ...flags: string[]): Promise<string[]> {
    const lines = (await this.run('get', resource, name, ...flags)).trimEnd().split('\n');
    return lines.map((line) => line.split(/ +/).slice(0, -1).join(' '));
  }
}
