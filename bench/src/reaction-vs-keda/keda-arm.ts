import { DEPLOYMENTS, type Resource, type ResourceType } from '@redis-queue/controller';
import {
  listScaling,
  redisAuthentication,
  startKeda,
  type ScaledObject,
  type ScalingSettings,
} from '@redis-queue/keda';
import { eventually } from '@redis-queue/rig';
import { randomPause, type Arm, type ArmContext } from './arm.ts';
import { ObjectWatch } from '../cluster-objects/object-watch.ts';

const SCALED_OBJECTS: ResourceType = {
  group: 'keda.sh',
  version: 'v1alpha1',
  plural: 'scaledobjects',
  kind: 'ScaledObject',
  namespaced: true,
};
const AUTOSCALERS: ResourceType = {
  group: 'autoscaling',
  version: 'v2',
  plural: 'horizontalpodautoscalers',
  kind: 'HorizontalPodAutoscaler',
  namespaced: true,
};

/**
 * More ScaledObjects at once cost KEDA nothing that was measured, but a default burst takes a minute, so not one by
 * one.
 */
const LANES = 8;
const DEFAULT_POLLING_S = 30;
/** kube-controller-manager's default, for each HPA from its creation on. */
const HPA_SYNC_S = 15;
const COOLDOWN_S = 300;
/** A poll, four syncs of the HPA and then some. */
const TIMEOUT_MS = 180_000;

/**
 * KEDA with a ScaledObject of the list where BullMQ keeps waiting jobs.
 *
 * KEDA starts to poll and makes the HPA in one moment, and the HPA's syncs count from there: a burst soon after would
 * always meet both timers in the same phase. So the HPA is left alone for a random part of its period, and then the
 * poll is started anew, by a change of the spec, a random part of its own period before the burst.
 */
export async function kedaArm(context: ArmContext, settings: ScalingSettings): Promise<Arm> {
  const { stand, client, deployments, target } = context;
  const { namespace, controlPlane, redis } = stand;
  const keda = await startKeda(controlPlane, context.print);
  await controlPlane.apply(redisAuthentication(namespace, redis.password ?? ''));
  const end = new AbortController();
  const autoscalers = await ObjectWatch.start<Resource>(client, AUTOSCALERS, namespace, end.signal);
  const pollingMs = 1_000 * (settings.pollingInterval ?? DEFAULT_POLLING_S);

  return {
    lanes: LANES,
    timeoutMs: TIMEOUT_MS,
    prepare: async (name, random) => {
      await client.create(DEPLOYMENTS, emptyDeployment(name, namespace));
      const scaledObject = listScaling({
        name,
        namespace,
        list: `bull:${name}:wait`,
        redisAddress: `${redis.host}:${redis.port}`,
        entriesPerReplica: target.jobsPerReplica,
        maxReplicas: target.maxReplicas,
        settings,
      });
      const withCooldown = (seconds: number): ScaledObject => ({
        ...scaledObject,
        spec: { ...scaledObject.spec, cooldownPeriod: seconds },
      });
      await client.create(SCALED_OBJECTS, withCooldown(COOLDOWN_S + 1));
      await eventually(() => autoscalers.objects.has(`keda-hpa-${name}`), {
        timeoutMs: 60_000,
        description: `KEDA to make the HPA of ${name}`,
      });
      await randomPause(random, 0, 1_000 * HPA_SYNC_S);
      await client.mergePatch(SCALED_OBJECTS, { namespace, name }, { spec: { cooldownPeriod: COOLDOWN_S } });
      // A second for KEDA to see it.
      await randomPause(random, 1_000, 1_000 + pollingMs);
      if (deployments.objects.get(name)?.spec.replicas !== 0) throw new Error(`${name} did not stay at zero`);
    },
    remove: async (name) => {
      // KEDA's finalizer is on it: it goes while KEDA runs.
      await client.delete(SCALED_OBJECTS, { namespace, name });
      await client.delete(DEPLOYMENTS, { namespace, name });
    },
    [Symbol.asyncDispose]: async () => {
      end.abort();
      try {
        await controlPlane.kubectl('delete', 'scaledobjects', '--all', '-n', namespace, '--timeout=60s');
      } finally {
        await keda.stop();
      }
    },
  };
}

/** A Deployment at zero whose pods nothing will run. */
function emptyDeployment(name: string, namespace: string): Resource {
  const labels = { app: name };
  const containers = [{ name: 'none', image: 'registry.example/none' }];
  const spec = {
    replicas: 0,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers } },
  };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, spec } as Resource;
}
