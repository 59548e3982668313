import { expect, it } from 'vitest';
import type { WorkerPoolSpec } from '@redis-queue/api';
import { advisedSpec } from './advised-spec.ts';

const spec: WorkerPoolSpec = {
  image: 'i',
  version: '1',
  queues: ['a', 'b'],
  concurrency: 10,
  replicas: 1,
  resources: { requests: { cpu: '250m' }, limits: { memory: '512Mi' } },
};

it('takes the limit for a request that is absent, as Kubernetes does', () => {
  expect(advisedSpec(spec)).toEqual({
    version: '1',
    concurrency: 10,
    queues: 2,
    cpuRequest: 0.25,
    memoryRequest: 512 * 2 ** 20,
    memoryLimit: 512 * 2 ** 20,
  });
});

it("lets the template's worker override the spec, whatever else the template holds", () => {
  const containers = [
    { name: 'proxy', resources: { limits: { cpu: 9 } } },
    { name: 'worker', resources: { limits: { cpu: 1 } } },
  ];
  expect(advisedSpec({ ...spec, template: { spec: { containers } } })).toMatchObject({ cpuRequest: 0.25, cpuLimit: 1 });
  for (const template of [{ spec: 7 }, { spec: { containers: [null, 'x'] } }, {}]) {
    expect(advisedSpec({ ...spec, template })).toEqual(advisedSpec(spec));
  }
});
