import { describe, expect, it } from 'vitest';
import { eventually } from '@redis-queue/rig';
import { REFUSAL_MS } from './refusals.ts';
import { controllerRig } from '../testing/controller.ts';
import { deploymentThat, ofWorker, PATIENCE, readyMessage, workerOf } from '../testing/deployments.ts';

const rig = controllerRig();

/** An admission policy on the Deployments of the test's namespace. */
async function applyPolicy(kind: string, name: string, spec: object, binding: object = {}): Promise<void> {
  const resourceRules = [
    { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] },
  ];
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': rig.namespace } };
  const typed = (suffix: string) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}${suffix}`,
    metadata: { name },
  });
  await rig.cluster.controlPlane.apply({ ...typed(''), spec: { matchConstraints: { resourceRules }, ...spec } });
  await rig.cluster.controlPlane.apply({
    ...typed('Binding'),
    spec: { policyName: name, matchResources: { namespaceSelector }, ...binding },
  });
}

/** What would become of a Deployment of this image; rejects where admission refuses it. */
const tryDeployment = (image: string, ...options: string[]): Promise<string> =>
  rig.cluster.controlPlane.kubectl(
    'create',
    'deployment',
    'x',
    `--image=${image}`,
    '-n',
    rig.namespace,
    '--dry-run=server',
    ...options,
  );

it('a policy that rewrites the Deployment on its way in is reported, and not written against at every event', async () => {
  await applyPolicy('MutatingAdmissionPolicy', 'mirror', {
    failurePolicy: 'Fail',
    reinvocationPolicy: 'Never',
    mutations: [
      {
        patchType: 'JSONPatch',
        jsonPatch: {
          expression: `[JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", value: "mirror.example/worker:1"}]`,
        },
      },
    ],
  });
  await eventually(async () => (await tryDeployment('x', '-o=yaml')).includes('mirror.example'), PATIENCE);
  const pool = await rig.cluster.pool(rig.namespace, 'mirrored', { replicas: 3 });
  await rig.cluster.sized(pool, 3);
  await eventually(
    async () => (await rig.cluster.eventsOf(pool)).some(({ message }) => message.includes('webhook or policy')),
    PATIENCE,
  );
  await eventually(async () => (await rig.cluster.read(pool)).status?.replicas === 3, PATIENCE);
  const written = await rig.controller.appliedTemplates();
  await rig.cluster.podsReady(rig.namespace);
  await rig.cluster.settled(pool, 'RolledOut');
  await rig.cluster.change(pool, { replicas: 4, disruptionBudget: { maxUnavailable: 2 } });
  await rig.cluster.sized(pool, 4);
  await eventually(async () => (await rig.cluster.budget(pool))?.spec.maxUnavailable === 2, PATIENCE);
  expect(await rig.controller.appliedTemplates()).toBe(written);
});

describe('a template that cannot be honoured', () => {
  const refused: [string, object, RegExp][] = [
    [
      'contradicts the controller',
      { spec: { terminationGracePeriodSeconds: 1 } },
      /spec\.template\.spec\.terminationGracePeriodSeconds .*spec\.drainPolicy/,
    ],
    ['has a field that Kubernetes does not know', ofWorker({ imagePullPolice: 'Always' }), /imagePullPolice/],
    [
      'has a value that Kubernetes does not know',
      ofWorker({ imagePullPolicy: 'Sometimes' }),
      /imagePullPolicy.*Sometimes/,
    ],
    ['has a text where a number belongs', { spec: { activeDeadlineSeconds: 'long' } }, /activeDeadlineSeconds/],
    [
      'names a volume that is not there',
      ofWorker({ volumeMounts: [{ name: 'nope', mountPath: '/x' }] }),
      /volumeMounts.*nope/,
    ],
  ];

  it.each(refused)('because it %s changes nothing, and a correction heals it', async (_, template, message) => {
    const pool = await rig.cluster.pool(rig.namespace, 'bad', { replicas: 1 });
    await rig.cluster.sized(pool, 1);
    const budget = await eventually(() => rig.cluster.budget(pool), PATIENCE);
    const before = (await rig.cluster.deployment(pool))!;
    await rig.cluster.change(pool, {
      template,
      version: '2.0.0',
      replicas: 2,
      disruptionBudget: { maxUnavailable: 7 },
    });
    const stalled = await rig.cluster.settled(pool, 'TemplateInvalid', 'Stalled');
    expect(readyMessage(stalled)).toMatch(message);
    expect(readyMessage(stalled)).not.toMatch(/PATCH|\/apis\//);
    const after = await rig.cluster.sized(pool, 2);
    expect(after.spec['template']).toEqual(before.spec['template']);
    expect((await rig.cluster.budget(pool))?.metadata.generation).toBe(budget.metadata.generation);
    await rig.cluster.change(pool, { template: null });
    await deploymentThat(rig.cluster, pool, (now) => workerOf(now)['image'] === 'registry.example/worker:2.0.0');
    await eventually(async () => (await rig.cluster.budget(pool))?.spec.maxUnavailable === 7, PATIENCE);
    await rig.cluster.settled(pool, 'Progressing');
  });

  it('creates nothing for a new pool', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'never', { template: ofWorker({ imagePullPolice: 'Always' }) });
    await rig.cluster.settled(pool, 'TemplateInvalid', 'Stalled');
    expect([await rig.cluster.deployment(pool), await rig.cluster.budget(pool)]).toEqual([undefined, undefined]);
  });

  it('is not sent again at every event of a pod', async () => {
    const pool = await rig.cluster.pool(rig.namespace, 'asked', { replicas: 3 });
    await rig.cluster.sized(pool, 3);
    await eventually(async () => (await rig.cluster.read(pool)).status?.replicas === 3, PATIENCE);
    await rig.cluster.change(pool, { template: ofWorker({ imagePullPolice: 'Always' }) });
    await rig.cluster.settled(pool, 'TemplateInvalid', 'Stalled');
    const asked = await rig.controller.refused();
    const fromMs = performance.now();
    await rig.cluster.podsReady(rig.namespace);
    await eventually(async () => (await rig.cluster.read(pool)).status?.readyReplicas === 3, PATIENCE);
    const inTime = 1 + Math.floor((performance.now() - fromMs) / REFUSAL_MS);
    expect((await rig.controller.refused()) - asked).toBeLessThanOrEqual(inTime);
  });

  it('a webhook or policy that denies the Deployment is reported as such', async () => {
    const validation = {
      expression: "!object.spec.template.spec.containers.exists(c, c.name == 'proxy')",
      message: 'no proxies here',
      reason: 'Forbidden',
    };
    await applyPolicy(
      'ValidatingAdmissionPolicy',
      'no-proxies',
      { validations: [validation] },
      { validationActions: ['Deny'] },
    );
    const template = { spec: { containers: [{ name: 'proxy', image: 'proxy:1' }] } };
    // A policy takes a moment to be in force.
    await eventually(
      () =>
        tryDeployment('proxy:1').then(
          () => false,
          () => true,
        ),
      PATIENCE,
    );
    const stalled = await rig.cluster.settled(
      await rig.cluster.pool(rig.namespace, 'denied', { template }),
      'TemplateInvalid',
      'Stalled',
    );
    expect(readyMessage(stalled)).toContain('no proxies here');
  });
});
