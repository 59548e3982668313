import { readFileSync, writeFileSync } from 'node:fs';
import { WIDGETS } from './widgets.ts';

// Ways in which an API server refuses the ConfigMaps of a namespace, for tests.

/** Where a test is. */
export interface Site {
  readonly cluster: {
    readonly kubeconfigPath: string;
    apply(manifest: object | object[]): Promise<string>;
    kubectl(...args: string[]): Promise<string>;
  };
  readonly namespace: string;
}

/** A quota of the test's namespace. */
export async function limitConfigMaps({ cluster, namespace }: Site, configmaps: string): Promise<void> {
  const metadata = { namespace, name: 'few' };
  await cluster.apply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: { configmaps } } });
}

/** Gives the ServiceAccount `widgets` what the kind needs, and these verbs on ConfigMaps. */
export async function grant({ cluster, namespace }: Site, configMapVerbs: readonly string[]): Promise<void> {
  const { group } = WIDGETS;
  await cluster.apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { namespace, name: 'widgets' },
    rules: [
      { apiGroups: [group], resources: ['widgets', 'widgets/status'], verbs: ['get', 'list', 'watch', 'patch'] },
      { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
      { apiGroups: [''], resources: ['configmaps'], verbs: configMapVerbs },
    ],
  });
}

/** @returns the path of a kubeconfig of the ServiceAccount */
export async function accountWith(site: Site, configMapVerbs: readonly string[]): Promise<string> {
  const { cluster, namespace } = site;
  await grant(site, configMapVerbs);
  await cluster.kubectl('create', 'serviceaccount', 'widgets', '-n', namespace);
  const account = `--serviceaccount=${namespace}:widgets`;
  await cluster.kubectl('create', 'rolebinding', 'widgets', '-n', namespace, '--role=widgets', account);
  const token = (await cluster.kubectl('create', 'token', 'widgets', '-n', namespace)).trim();
  const config = JSON.parse(readFileSync(cluster.kubeconfigPath, 'utf8')) as { users: { user: object }[] };
  const users = config.users.map((each) => ({ ...each, user: { token } }));
  const path = `${cluster.kubeconfigPath}.${namespace}`;
  writeFileSync(path, JSON.stringify({ ...config, users }), { mode: 0o600 });
  return path;
}

/** A policy that denies every ConfigMap of the test's namespace. */
export async function deny({ cluster, namespace }: Site, message: string): Promise<void> {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const metadata = { name: namespace };
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] };
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  await cluster.apply([
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        matchConstraints: { resourceRules: [rule], namespaceSelector },
        validations: [{ expression: 'false', message, reason: 'Forbidden' }],
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: namespace, validationActions: ['Deny'] },
    },
  ]);
}
