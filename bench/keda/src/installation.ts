/** Where KEDA's parts listen, all of them on loopback. */
export interface KedaPorts {
  /** The operator's gRPC service, which the adapter asks for metrics. */
  readonly metricsService: number;
  /** The adapter's API, which the API server forwards external.metrics.k8s.io to. */
  readonly adapter: number;
  readonly operatorProbe: number;
  /** The adapter's own metrics; serving them cannot be switched off. */
  readonly adapterMetrics: number;
}

export interface KedaPlace {
  /** With `ca.crt`, `tls.crt` and `tls.key`. */
  readonly certificates: string;
  /** Of a cluster administrator. */
  readonly kubeconfigPath: string;
  readonly ports: KedaPorts;
}

export const NAMESPACE = 'keda';
const ADAPTER_SERVICE = 'keda-metrics-apiserver';
/** The name under which the API server checks the adapter's certificate. */
export const ADAPTER_HOST = `${ADAPTER_SERVICE}.${NAMESPACE}.svc`;
export const API_SERVICE = 'v1beta1.external.metrics.k8s.io';

/** As in the release's manifests (config/manager/manager.yaml), which also set these when nothing is configured. */
export const ENVIRONMENT = {
  WATCH_NAMESPACE: '',
  POD_NAME: 'keda',
  POD_NAMESPACE: NAMESPACE,
  KEDA_CLUSTER_OBJECT_NAMESPACE: NAMESPACE,
  KEDA_HTTP_DEFAULT_TIMEOUT: '3000',
};

export function operatorArguments({ certificates, kubeconfigPath, ports }: KedaPlace): string[] {
  return [
    `--kubeconfig=${kubeconfigPath}`,
    `--cert-dir=${certificates}`,
    `--metrics-service-bind-address=127.0.0.1:${ports.metricsService}`,
    `--health-probe-bind-address=127.0.0.1:${ports.operatorProbe}`,
    '--enable-prometheus-metrics=false',
    // The APIService is ours, and webhooks would only check what is written.
    '--enable-webhook-patching=false',
    '--enable-apiservice-patching=false',
  ];
}

export function adapterArguments({ certificates, kubeconfigPath, ports }: KedaPlace): string[] {
  return [
    ...['kubeconfig', 'lister-kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(
      (flag) => `--${flag}=${kubeconfigPath}`,
    ),
    `--cert-dir=${certificates}`,
    `--tls-cert-file=${certificates}/tls.crt`,
    `--tls-private-key-file=${certificates}/tls.key`,
    '--bind-address=127.0.0.1',
    `--secure-port=${ports.adapter}`,
    `--metrics-service-address=127.0.0.1:${ports.metricsService}`,
    `--port=${ports.adapterMetrics}`,
  ];
}

/**
 * Routes the API server to the adapter. The service is a name, not addresses: an EndpointSlice must not contain
 * loopback.
 *
 * @param caBundle of the CA that signed the adapter's certificate, PEM.
 */
export function apiService(adapterPort: number, caBundle: string): object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: ADAPTER_SERVICE, namespace: NAMESPACE },
      spec: { type: 'ExternalName', externalName: 'localhost' },
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: API_SERVICE },
      spec: {
        group: 'external.metrics.k8s.io',
        version: 'v1beta1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        caBundle: Buffer.from(caBundle).toString('base64'),
        service: { name: ADAPTER_SERVICE, namespace: NAMESPACE, port: adapterPort },
      },
    },
  ];
}
