import { expect, it } from 'vitest';
import { adapterArguments, ADAPTER_HOST, apiService, operatorArguments } from './installation.ts';

const PLACE = {
  certificates: '/certificates',
  kubeconfigPath: '/kubeconfig',
  ports: { metricsService: 9_001, adapter: 9_002, operatorProbe: 9_003, adapterMetrics: 9_004 },
};

it('lets the adapter ask the operator, and the API server the adapter, each where the other listens', () => {
  expect(operatorArguments(PLACE)).toContain('--metrics-service-bind-address=127.0.0.1:9001');
  expect(adapterArguments(PLACE)).toContain('--metrics-service-address=127.0.0.1:9001');
  expect(adapterArguments(PLACE)).toContain('--secure-port=9002');
  expect(apiService(9_002, 'PEM')).toMatchObject([
    { kind: 'Service', spec: { externalName: 'localhost' } },
    { kind: 'APIService', spec: { service: { port: 9_002 } } },
  ]);
});

it('has the API server check the certificate of the adapter, under the name of its service', () => {
  const [{ metadata: service }, { spec }] = apiService(9_002, 'PEM') as [
    { metadata: { name: string; namespace: string } },
    { spec: { caBundle: string; insecureSkipTLSVerify?: boolean } },
  ];
  expect(`${service.name}.${service.namespace}.svc`).toBe(ADAPTER_HOST);
  expect(Buffer.from(spec.caBundle, 'base64').toString()).toBe('PEM');
  expect(spec.insecureSkipTLSVerify).toBeUndefined();
});
