import { QUEUES, WORKER_POOLS } from '@redis-queue/api';
import { SECRETS, typeMeta, type KubeClient } from '@redis-queue/controller';
import type { ControlPlane } from '@redis-queue/rig';

/** What a tenant has: a namespace with a Secret, and queues with a pool each, of the same name. */
export interface Tenant {
  readonly namespace: string;
  readonly queues: readonly string[];
}

export interface TenantSpec {
  readonly prefix: string;
  readonly secret: Readonly<Record<string, string>>;
  readonly queues: readonly string[];
}

/** Takes away what the tenant has, as it would itself. */
export async function removeTenant(client: KubeClient, { namespace, queues }: Tenant): Promise<void> {
  for (const name of queues) {
    await client.delete(WORKER_POOLS, { namespace, name });
    await client.delete(QUEUES, { namespace, name });
  }
}

export async function createTenant(
  client: KubeClient,
  controlPlane: ControlPlane,
  { prefix, secret, queues }: TenantSpec,
): Promise<Tenant> {
  const namespace = await controlPlane.createNamespace(prefix);
  const create = (type: Parameters<KubeClient['create']>[0], name: string, rest: object): Promise<unknown> =>
    client.create(type, { ...typeMeta(type), metadata: { name, namespace }, ...rest });
  await create(SECRETS, 'redis-credentials', { stringData: secret });
  for (const name of queues) {
    await create(QUEUES, name, { spec: { globalConcurrency: 1 } });
    const autoscaling = { maxReplicas: 5, behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } };
    const pool = { image: 'registry.example/worker', version: '1', queues: [name], replicas: 0, autoscaling };
    await create(WORKER_POOLS, name, { spec: pool });
  }
  return { namespace, queues };
}
