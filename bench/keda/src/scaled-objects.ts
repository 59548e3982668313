/** What a user may set about how fast a ScaledObject scales; empty is KEDA as installed. */
export interface ScalingSettings {
  /** How often KEDA reads the list of a Deployment at zero, s; absent: 30. */
  readonly pollingInterval?: number;
  readonly advanced?: object;
}

/** KEDA's and the HPA's defaults: a poll every 30 s, and at most max(2 × size, 4) pods at each of the HPA's syncs. */
export const AS_INSTALLED: ScalingSettings = {};

const UNLIMITED_GROWTH = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Percent', value: 1_000, periodSeconds: 1 },
    { type: 'Pods', value: 100, periodSeconds: 1 },
  ],
};

/**
 * As fast as its objects can make it: a poll every second, no limit to a step. The HPA's sync period of 15 s is a flag
 * of kube-controller-manager, which no object and no managed control plane lets a user change.
 */
export const TUNED: ScalingSettings = {
  pollingInterval: 1,
  advanced: { horizontalPodAutoscalerConfig: { behavior: { scaleUp: UNLIMITED_GROWTH } } },
};

export interface ListScaling {
  /** Of the ScaledObject and of the Deployment in its namespace that it scales. */
  readonly name: string;
  readonly namespace: string;
  /** Redis key of the list whose length counts. */
  readonly list: string;
  /** host:port */
  readonly redisAddress: string;
  /** Entries of the list per replica that KEDA aims at. */
  readonly entriesPerReplica: number;
  readonly maxReplicas: number;
  readonly settings: ScalingSettings;
}

export interface ScaledObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string };
  spec: { cooldownPeriod?: number } & Record<string, unknown>;
}

const AUTHENTICATION = 'redis';

/** A ScaledObject, from zero replicas, of a Redis list whose server asks for the password of `redisAuthentication`. */
export function listScaling(scaling: ListScaling): ScaledObject {
  const { name, namespace, list, redisAddress, entriesPerReplica, maxReplicas, settings } = scaling;
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name, namespace },
    spec: {
      scaleTargetRef: { name },
      minReplicaCount: 0,
      maxReplicaCount: maxReplicas,
      ...settings,
      triggers: [
        {
          type: 'redis',
          metadata: { address: redisAddress, listName: list, listLength: String(entriesPerReplica) },
          authenticationRef: { name: AUTHENTICATION },
        },
      ],
    },
  };
}

/** The Secret and TriggerAuthentication by which the ScaledObjects of a namespace reach their Redis. */
export function redisAuthentication(namespace: string, password: string): object[] {
  const secret = 'keda-redis';
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: secret, namespace }, stringData: { password } },
    {
      apiVersion: 'keda.sh/v1alpha1',
      kind: 'TriggerAuthentication',
      metadata: { name: AUTHENTICATION, namespace },
      spec: { secretTargetRef: [{ parameter: 'password', name: secret, key: 'password' }] },
    },
  ];
}
