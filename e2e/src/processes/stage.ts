import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  eventually,
  program,
  startAppProcess,
  startControlPlane,
  workspaceRoot,
  type AppName,
  type AppProcess,
  type ControlPlane,
} from '@redis-queue/rig';

export interface StoredObject {
  readonly metadata: { readonly name: string; readonly uid: string; readonly finalizers?: string[] };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>> & {
    readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[];
  };
}

/** A real API server with controllers as processes; nothing runs pods. */
export class Stage implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly #controllers: AppProcess[] = [];

  private constructor(controlPlane: ControlPlane) {
    this.controlPlane = controlPlane;
  }

  static async set(): Promise<Stage> {
    return new Stage(await startControlPlane({ crds: true }));
  }

  /** Starts a controller with these flags, and waits until it is ready. */
  async start(app: AppName, ...args: string[]): Promise<AppProcess> {
    const main = join(workspaceRoot, 'apps', app, 'src/main.ts');
    const { kubeconfigPath } = this.controlPlane;
    const controller = await startAppProcess(app, {
      main,
      kubeconfigPath,
      args: ['--leader-elect=false', ...args],
    });
    this.#controllers.push(controller);
    await controller.ready();
    return controller;
  }

  kubectl(namespace: string, ...args: string[]): Promise<string> {
    return this.controlPlane.kubectl(`--namespace=${namespace}`, ...args);
  }

  async secret(namespace: string, name: string, stringData: Record<string, string>): Promise<void> {
    await this.controlPlane.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, stringData });
  }

  async apply(namespace: string, kind: string, name: string, spec: object, labels = {}): Promise<void> {
    await this.controlPlane.apply({
      apiVersion: 'redis-queue.io/v1',
      kind,
      metadata: { namespace, name, labels },
      spec,
    });
  }

  async read(namespace: string, resource: string): Promise<StoredObject> {
    return JSON.parse(await this.kubectl(namespace, 'get', resource, '--output=json')) as StoredObject;
  }

  /** Waits until Ready has that reason, and returns the object. */
  async settled(namespace: string, resource: string, reason: string): Promise<StoredObject> {
    return await eventually(
      async () => {
        const object = await this.read(namespace, resource);
        const ready = object.status?.conditions?.find(({ type }) => type === 'Ready');
        if (ready?.reason === reason) return object;
        throw new Error(`Ready is ${JSON.stringify(ready)}`);
      },
      { timeoutMs: 30_000, intervalMs: 200, description: `${resource} to be ${reason}` },
    );
  }

  /**
   * Runs lines of a page as a reader does, with kubectl in that namespace.
   *
   * @throws with what Ready says of the objects there.
   */
  async runInShell(namespace: string, text: string): Promise<string> {
    const flags = `--kubeconfig='${this.controlPlane.kubeconfigPath}' --namespace='${namespace}'`;
    const kubectl = `kubectl() { '${program('kube')}' kubectl ${flags} "$@"; }`;
    try {
      const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', `${kubectl}\n${text}`], {
        env: { ...process.env, NO_PROXY: '*' },
      });
      return stdout;
    } catch (error) {
      const said = '{range .items[*]}{.kind} {.metadata.name}: {.status.conditions[?(@.type=="Ready")]}\n{end}';
      const kinds = 'queues,queuebackups,queuerestores,queuebackupschedules';
      const objects = await this.kubectl(namespace, 'get', kinds, `--output=jsonpath=${said}`);
      throw new Error(`${(error as { stderr?: string }).stderr ?? ''}\n${text}\n${objects}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#controllers.map((controller) => controller.stop('SIGKILL')));
    await this.controlPlane.stop();
  }
}
