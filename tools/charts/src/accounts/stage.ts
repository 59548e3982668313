import { join } from 'node:path';
import { APP_NAMES, type AppName } from '@redis-queue/api';
import {
  eventually,
  freePort,
  startAppProcess,
  startControlPlane,
  startRedis,
  workspaceRoot,
  type AppProcess,
  type ControlPlane,
  type RedisServer,
} from '@redis-queue/rig';
import { chartFolder, render, type Rendered } from '../rendering/helm.ts';
import { Account } from './client/account.ts';
import { TEMPLATE_VALUES, type Actor } from './attempts/scene.ts';

/** A cluster with the charts' accounts and rights, those of hooks too, a tenant, and the controllers as these accounts. */
export class Stage implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly redis: RedisServer;
  /** Of the controllers. */
  readonly release: string;
  /** Of the tenant. */
  readonly shop: string;
  /** Of another. */
  readonly crm: string;
  readonly administrator: Account;
  readonly accounts: Record<Actor, Account>;
  readonly #objects: readonly Rendered[];
  readonly #controllers = new Map<AppName, AppProcess>();

  private constructor(
    parts: Pick<Stage, 'controlPlane' | 'redis' | 'release' | 'shop' | 'crm' | 'accounts'>,
    objects: readonly Rendered[],
  ) {
    this.controlPlane = parts.controlPlane;
    this.redis = parts.redis;
    this.release = parts.release;
    this.shop = parts.shop;
    this.crm = parts.crm;
    this.#objects = objects;
    this.accounts = parts.accounts;
    this.administrator = Account.administrator(parts.controlPlane);
  }

  /**
   * Everything but the policies; see `enforce`.
   *
   * @param restricted whether the controllers look at `shop` and `crm` alone, without any cluster-wide right.
   */
  static async set({ restricted = false } = {}): Promise<Stage> {
    const [controlPlane, redis] = await Promise.all([startControlPlane({ crds: true }), startRedis()]);
    const release = await controlPlane.createNamespace('rq-system');
    const shop = await controlPlane.createNamespace('shop');
    const crm = await controlPlane.createNamespace('crm');
    const port = await freePort();
    const values: Values = restricted
      ? restrictedTo([shop, crm], release)
      : // Tokens are tried while no controller runs, and so nothing that the webhooks would have to answer.
        { 'queue-controller': { webhooks: { enabled: true, port, failurePolicy: 'Ignore' } } };
    const objects = await render(chartFolder('redis-queue'), {
      namespace: release,
      values: { ...values, global: { ...values.global, template: TEMPLATE_VALUES } },
    });
    const ofWebhooks = objects.filter(isOfWebhooks).map((object) => reachedAt(object, port));
    await applyAll(controlPlane, [busSecret(release, redis.url), ...objects.filter(isRight), ...ofWebhooks]);
    const accounts = await Promise.all(
      ACTORS.map(async (actor) => [actor, await Account.of(controlPlane, release, accountOf(actor))] as const),
    );
    const byApp = Object.fromEntries(accounts) as Stage['accounts'];
    return new Stage({ controlPlane, redis, release, shop, crm, accounts: byApp }, objects);
  }

  /** Applies the policies, and waits until they are in force. */
  async enforce(): Promise<void> {
    await applyAll(this.controlPlane, this.#objects.filter(isPolicy));
    const body = { metadata: { name: 'probe' }, data: {} };
    const probe = { method: 'POST', path: `/api/v1/namespaces/${this.shop}/configmaps?dryRun=All`, body } as const;
    await this.asAdministrators(true);
    const allEnforced = async (): Promise<boolean> => {
      const answers = await Promise.all(ACTORS.map((actor) => this.accounts[actor].send(probe)));
      return answers.every(({ message }) => message.includes('denied request'));
    };
    await eventually(allEnforced, { timeoutMs: 30_000, description: 'the policies to be in force' });
    await eventually(() => this.#refusesHostNetwork(), { timeoutMs: 30_000, description: 'the policy over templates' });
    await this.asAdministrators(false);
  }

  /** Whether RBAC lets the accounts do everything, so that only the policies stand in their way. */
  async asAdministrators(all: boolean): Promise<void> {
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'everything' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: ACTORS.map((actor) => ({ kind: 'ServiceAccount', name: accountOf(actor), namespace: this.release })),
    };
    if (all) await this.controlPlane.apply(binding);
    else await this.controlPlane.kubectl('delete', 'clusterrolebinding', 'everything');
    const list = { method: 'GET', path: '/apis/apps/v1/daemonsets' } as const;
    const settled = async (): Promise<boolean> => {
      const answers = await Promise.all(ACTORS.map((actor) => this.accounts[actor].send(list)));
      return answers.every(({ code }) => (code === 200) === all);
    };
    await eventually(settled, { timeoutMs: 30_000, description: 'RBAC to follow' });
  }

  /** Gives the workerpool-controller the rights and the policy that the value workers.replaceStuck gives it. */
  async letReplaceStuck(): Promise<void> {
    const objects = await render(chartFolder('redis-queue'), {
      namespace: this.release,
      values: { global: { template: TEMPLATE_VALUES }, 'workerpool-controller': { workers: { replaceStuck: true } } },
    });
    await applyAll(
      this.controlPlane,
      objects.filter((object) => isRight(object) || isPolicy(object)),
    );
  }

  async #refusesHostNetwork(): Promise<boolean> {
    const spec = { image: 'a', version: '1', queues: ['a'], template: { spec: { hostNetwork: true } } };
    const body = { apiVersion: 'redis-queue.io/v1', kind: 'WorkerPool', metadata: { name: 'probe' }, spec };
    const path = `/apis/redis-queue.io/v1/namespaces/${this.shop}/workerpools?dryRun=All`;
    const { message } = await this.administrator.send({ method: 'POST', path, body });
    return message.includes('hostNetwork');
  }

  /** Starts the controllers from source, each with the token of its account and the flags of its chart. */
  async startControllers(): Promise<void> {
    await Promise.all(
      APP_NAMES.map(async (app) => {
        const main = join(workspaceRoot, 'apps', app, 'src/main.ts');
        const { kubeconfigPath } = this.accounts[app];
        const env = { POD_NAME: `${app}-0`, POD_NAMESPACE: this.release };
        const args = [...this.#argumentsOf(app), '--log-level=debug'];
        const controller = await startAppProcess(app, { main, kubeconfigPath, args, env });
        this.#controllers.set(app, controller);
        await controller.ready({ timeoutMs: 60_000 });
      }),
    );
  }

  #argumentsOf(app: AppName): string[] {
    const found = this.#objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === `rq-${app}`);
    const deployment = found as unknown as { spec: { template: { spec: { containers: [{ args: string[] }] } } } };
    const [{ args }] = deployment.spec.template.spec.containers;
    return args.filter((argument) => !argument.startsWith('--http-port') && !argument.startsWith('--log-level'));
  }

  async stopControllers(): Promise<void> {
    await Promise.all([...this.#controllers.values()].map((controller) => controller.stop('SIGTERM')));
  }

  /** What the controllers logged of writes that were refused, by rights or by a policy. */
  refusals(): string[] {
    const lines = [...this.#controllers.values()].flatMap((controller) => [...controller.lines]);
    return lines.filter((line) => /forbidden|denied request/i.test(line));
  }

  async apply(
    kind: 'Queue' | 'QueueBackup' | 'QueueBackupSchedule' | 'QueueRedrive' | 'QueueRestore' | 'WorkerPool',
    name: string,
    spec: object,
    namespace = this.shop,
    labels: Record<string, string> = {},
  ): Promise<void> {
    const metadata = { name, namespace, labels };
    await this.controlPlane.apply({ apiVersion: 'redis-queue.io/v1', kind, metadata, spec });
  }

  /** An object of a tenant, as it is; undefined when there is none. */
  async read<T>(resource: string, name: string, namespace = this.shop): Promise<T | undefined> {
    const args = ['get', resource, name, '--namespace', namespace, '--ignore-not-found', '--output=json'];
    const text = await this.controlPlane.kubectl(...args);
    return text.trim() === '' ? undefined : (JSON.parse(text) as T);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#controllers.values()].map((controller) => controller.stop('SIGKILL')));
    await Promise.all([this.controlPlane.stop(), this.redis.stop()]);
  }
}

const ACTORS: readonly Actor[] = [...APP_NAMES, 'uninstall'];
const accountOf = (actor: Actor): string => (actor === 'uninstall' ? 'rq-queue-controller-uninstall' : `rq-${actor}`);

const busSecret = (namespace: string, url: string): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'redis-queue-bus', namespace },
  stringData: { 'redis-url': url },
});

const RIGHTS = /^(ServiceAccount|(Cluster)?Role(Binding)?)$/;
const isRight = ({ kind }: Rendered): boolean => RIGHTS.test(kind);
const isPolicy = ({ kind }: Rendered): boolean => kind.startsWith('ValidatingAdmissionPolicy');

const isOfWebhooks = ({ kind, metadata: { name } }: Rendered): boolean =>
  kind.endsWith('WebhookConfiguration') || name === WEBHOOKS;
export const WEBHOOKS = 'rq-queue-controller-webhook';

/** The API server has no network to Services here: theirs stands for an address of this machine. */
function reachedAt(object: Rendered, port: number): object {
  if (object.kind === 'Service') return { ...object, spec: { type: 'ExternalName', externalName: '127.0.0.1' } };
  const { webhooks } = object as { webhooks?: { clientConfig: { service: object } }[] };
  if (!webhooks) return object;
  const reached = webhooks.map(({ clientConfig, ...webhook }) => ({
    ...webhook,
    clientConfig: { ...clientConfig, service: { ...clientConfig.service, port } },
  }));
  return { ...object, webhooks: reached };
}

interface Values {
  global?: { namespaces: string[] };
  [chart: string]: object | undefined;
}

const restrictedTo = (namespaces: string[], release: string): Values => ({
  global: { namespaces },
  'queue-controller': { clusterId: 'this-cluster' },
  crds: {
    admission: {
      accounts: APP_NAMES.map((controller) => ({
        controller,
        namespace: release,
        serviceAccountName: `rq-${controller}`,
      })),
    },
  },
});

async function applyAll(controlPlane: ControlPlane, items: object[]): Promise<void> {
  await controlPlane.apply({ apiVersion: 'v1', kind: 'List', items });
}
