import { describe, expect, it } from 'vitest';
import { DEPLOYMENTS, keyOf } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import { controllerRig } from '../../testing/controller.ts';
import { deploymentThat, ofWorker, PATIENCE, templateOf, workerOf } from '../../testing/deployments.ts';

const rig = controllerRig();

/** A template with a bit of everything, much of which the API server writes otherwise, or leaves out. */
const RICH = {
  metadata: { labels: { team: 'mail' }, annotations: { 'example.com/scrape': 'true' } },
  spec: {
    serviceAccountName: 'default',
    automountServiceAccountToken: false,
    hostNetwork: false,
    hostPID: false,
    shareProcessNamespace: false,
    priorityClassName: '',
    nodeSelector: {},
    imagePullSecrets: [{ name: 'registry' }],
    hostAliases: [{ ip: '10.0.0.1', hostnames: ['legacy'] }],
    tolerations: [
      { key: 'spot', operator: 'Exists', effect: 'NoSchedule' },
      { key: 'gone', tolerationSeconds: 0, operator: 'Exists', effect: 'NoExecute' },
    ],
    topologySpreadConstraints: [
      {
        topologyKey: 'zone',
        whenUnsatisfiable: 'ScheduleAnyway',
        maxSkew: 1,
        labelSelector: { matchLabels: { team: 'mail' } },
      },
    ],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 1, podAffinityTerm: { topologyKey: 'node', labelSelector: {}, namespaceSelector: {} } },
        ],
      },
    },
    securityContext: { runAsUser: 1000, fsGroup: 0, sysctls: [] },
    containers: [
      {
        name: 'worker',
        env: [
          { name: 'EMPTY', value: '' },
          { name: 'POOL', value: '$(RQ_POOL)' },
          {
            name: 'MEMORY',
            valueFrom: { resourceFieldRef: { containerName: 'worker', resource: 'limits.memory', divisor: '1024Ki' } },
          },
        ],
        ports: [{ containerPort: 8080 }],
        resources: { requests: { cpu: '1000m', memory: '0.5Gi' }, limits: {} },
        securityContext: { readOnlyRootFilesystem: false },
        livenessProbe: { periodSeconds: 60, initialDelaySeconds: 0 },
        readinessProbe: { exec: { command: ['true'] } },
        lifecycle: { preStop: { exec: { command: ['sleep', '1'] } } },
        volumeMounts: [{ name: 'cache', mountPath: '/cache', readOnly: false, subPath: '' }],
        stdin: false,
      },
      { name: 'proxy', image: 'proxy:1', args: [], env: [] },
    ],
    initContainers: [{ name: 'warm-up', image: 'warm:1', restartPolicy: 'Always' }],
    volumes: [
      { name: 'tmp', emptyDir: { sizeLimit: '1024Mi' } },
      {
        name: 'cache',
        ephemeral: {
          volumeClaimTemplate: {
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1024Mi' } } },
          },
        },
      },
    ],
  },
};

describe('spec.template', () => {
  it('reaches the pods as it stands, and what the API server writes otherwise is no drift', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'rich', { replicas: 1, template: RICH });
    const deployment = await rig.cluster.sized(pool, 1);
    const { metadata, spec } = templateOf(deployment);
    expect(metadata.labels).toMatchObject({ team: 'mail', 'redis-queue.io/pool': 'rich' });
    expect(spec.containers.map(({ name }) => name)).toEqual(['worker', 'proxy']);
    expect(spec['securityContext']).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 0 });
    expect(workerOf(deployment)).toMatchObject({
      image: 'registry.example/worker:1.0.0',
      livenessProbe: { httpGet: { path: '/livez' }, periodSeconds: 60 },
      readinessProbe: { exec: { command: ['true'] } },
      securityContext: { readOnlyRootFilesystem: false, allowPrivilegeEscalation: false },
    });
    await eventually(async () => (await rig.cluster.read(pool)).status?.replicas === 1, PATIENCE);
    await rig.cluster.settled(pool, 'Progressing');
    await rig.controller.stop();
    await rig.start();
    await eventually(async () => (await rig.controller.reconciles()) >= 1, PATIENCE);
    await eventually(() => rig.controller.idle(), PATIENCE);
    expect(await rig.controller.writes()).toBe(0);
  });

  it('gives back what it no longer says, and leaves what others have added', async () => {
    const template = { metadata: { annotations: { old: '1' } }, ...ofWorker({ env: [{ name: 'OURS', value: '1' }] }) };
    const pool = await rig.cluster.pool(rig.namespace, 'less', { template });
    await rig.cluster.sized(pool, 1);
    await rig.cluster.controlPlane.kubectl('set', 'env', 'deployment/less', 'THEIRS=1', '-n', rig.namespace);
    await rig.cluster.client.mergePatch(DEPLOYMENTS, keyOf(pool), { metadata: { annotations: { theirs: '1' } } });
    await rig.cluster.change(pool, { template: null });
    const deployment = await deploymentThat(rig.cluster, pool, (now) => !JSON.stringify(now.spec).includes('OURS'));
    expect(workerOf(deployment).env).toContainEqual({ name: 'THEIRS', value: '1' });
    expect(templateOf(deployment).metadata.annotations).not.toHaveProperty('old');
    expect(deployment.metadata.annotations).toMatchObject({ theirs: '1' });
  });

  it('is set back where somebody has changed it', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'drifted', {
      template: { spec: { tolerations: [{ key: 'spot', operator: 'Exists' }] } },
    });
    await rig.cluster.sized(pool, 1);
    await rig.cluster.client.mergePatch(DEPLOYMENTS, keyOf(pool), {
      spec: { template: { spec: { tolerations: [{ key: 'other', operator: 'Exists' }] } } },
    });
    await deploymentThat(rig.cluster, pool, (now) =>
      JSON.stringify(templateOf(now).spec['tolerations']).includes('spot'),
    );
    const event = await eventually(
      async () => (await rig.cluster.eventsOf(pool)).find(({ reason }) => reason === 'DriftRepaired'),
      PATIENCE,
    );
    expect(event.message).toContain('Deployment drifted');
  });

  it.each([
    ['somebody pauses', { paused: true }],
    ['somebody delays', { minReadySeconds: 300 }],
  ])('the Deployment is set back where %s it', async (_, spec) => {
    const pool = await rig.cluster.pool(rig.namespace, `held-${Object.keys(spec)[0]!.toLowerCase()}`);
    await rig.cluster.sized(pool, 1);
    await rig.cluster.client.mergePatch(DEPLOYMENTS, keyOf(pool), { spec });
    const [field] = Object.keys(spec);
    const deployment = await deploymentThat(rig.cluster, pool, (now) => !now.spec[field!]);
    expect(deployment.spec).not.toHaveProperty(field!);
  });

  // Wall 1: each of these once ended in an error without a status, or in a process out of memory or stack.
  it.each<[string, Record<string, unknown>]>([
    ['megabytes', { spec: { note: 'x'.repeat(1_000_000) } }],
    ['thousands of levels', JSON.parse('{"a":'.repeat(2_000) + '1' + '}'.repeat(2_000)) as Record<string, unknown>],
    ['names of prototypes', { constructor: [{ name: 'a' }], toString: [{}] }],
  ])('with %s is refused in status', async (what, template) => {
    const pool = await rig.cluster.pool(rig.namespace, what.replaceAll(' ', '-'), { template });
    const { status } = await rig.cluster.settled(pool, 'TemplateInvalid');
    const ready = status!.conditions!.find(({ type }) => type === 'Ready')!;
    expect(ready.message.length).toBeLessThan(1_000);
  });

  it("overrides the worker's probes, unless the pool says that its image serves none", async () => {
    const template = ofWorker({ livenessProbe: { failureThreshold: 30 } });
    const pool = await rig.cluster.pool(rig.namespace, 'probed', { template });
    expect(workerOf(await rig.cluster.sized(pool, 1))['livenessProbe']).toMatchObject({
      httpGet: { path: '/livez' },
      failureThreshold: 30,
    });
    await rig.cluster.controlPlane.kubectl(
      'annotate',
      'workerpool/probed',
      'redis-queue.io/probes=off',
      '-n',
      rig.namespace,
    );
    await rig.cluster.change(pool, { template: null });
    await deploymentThat(rig.cluster, pool, (now) => workerOf(now)['livenessProbe'] === undefined);
  });
});

describe('the rollout', () => {
  it('takes the time and the surge that the pool gives it', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'paced', { rollout: { progressDeadline: '90s', maxSurge: 2 } });
    expect((await rig.cluster.sized(pool, 1)).spec).toMatchObject({
      progressDeadlineSeconds: 90,
      strategy: { rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } },
    });
  });
});
