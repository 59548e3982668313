import {
  deploymentOf,
  deployments,
  patch,
  pool,
  post,
  REFUSED_SECRET,
  type Attempt,
  type PodSpec,
  type Scene,
} from './scene.ts';

const volume = (source: object) => (spec: PodSpec) => {
  spec.volumes = [...(spec.volumes ?? []), { name: 'stolen', ...source }];
};
const container = (fields: object) => (spec: PodSpec) => void Object.assign(spec.containers[0] ?? {}, fields);
const capabilities = (...add: string[]) => container({ securityContext: { capabilities: { add } } });

export function templateAttempts(scene: Scene): Attempt[] {
  const create = (what: string, change: (spec: PodSpec) => void): Attempt => {
    const made = deploymentOf(scene, 'stolen');
    change(made.spec.template.spec);
    return pool(`creates a Deployment ${what}`, post(deployments(scene.shop), made));
  };
  const change = (what: string, alter: (spec: PodSpec) => void): Attempt => {
    const { spec } = structuredClone(scene.deployment).spec.template;
    alter(spec);
    return pool(
      `changes a Deployment of ours to be ${what}`,
      patch(deployments(scene.shop, 'workers'), { spec: { template: { spec } } }),
    );
  };
  const privileged = { securityContext: { privileged: true } };
  const env = [{ name: 'STOLEN', valueFrom: { secretKeyRef: { name: REFUSED_SECRET, key: 'redis-url' } } }];
  return [
    create('with a privileged container', container(privileged)),
    create('with a privileged init container', (spec) => {
      spec['initContainers'] = [{ name: 'init', image: 'evil', ...privileged }];
    }),
    ...['hostNetwork', 'hostPID', 'hostIPC'].map((field) =>
      create(`with ${field}`, (spec) => Object.assign(spec, { [field]: true, shareProcessNamespace: false })),
    ),
    create('with a hostPath', volume({ hostPath: { path: '/' } })),
    create('with the capability SYS_ADMIN', capabilities('NET_BIND_SERVICE', 'SYS_ADMIN')),
    create('with all capabilities', capabilities('ALL')),
    create('of another ServiceAccount', (spec) => (spec['serviceAccountName'] = 'admin')),
    create('of another ServiceAccount, by the old field', (spec) => (spec['serviceAccount'] = 'admin')),
    create('with a token', (spec) => (spec['automountServiceAccountToken'] = true)),
    create('with a token, by not saying a word', (spec) => delete spec['automountServiceAccountToken']),
    create(
      'with a projected token',
      volume({ projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }] } }),
    ),
    create('with a refused Secret in a variable', container({ env })),
    create('with a refused Secret as variables', container({ envFrom: [{ secretRef: { name: REFUSED_SECRET } }] })),
    create('with a refused Secret as a volume', volume({ secret: { secretName: REFUSED_SECRET } })),
    create(
      'with a refused Secret as a part of a volume',
      volume({ projected: { sources: [{ secret: { name: REFUSED_SECRET } }] } }),
    ),
    create('with a refused Secret to pull images', (spec) => (spec['imagePullSecrets'] = [{ name: REFUSED_SECRET }])),
    change('privileged', container(privileged)),
    change('on a hostPath', volume({ hostPath: { path: '/var/run' } })),
    change('on the network of the host', (spec) => (spec['hostNetwork'] = true)),
    change('of another ServiceAccount', (spec) =>
      Object.assign(spec, { serviceAccount: 'admin', serviceAccountName: 'admin' }),
    ),
    change('given a token', (spec) => (spec['automountServiceAccountToken'] = true)),
    change('given a refused Secret', container({ env })),
  ];
}
