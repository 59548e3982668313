import { expect, it } from 'vitest';
import { aPool, someQueues } from '../../testing/objects.ts';
import { podTemplate } from './pod-template.ts';
import { podUserFlag } from './pod-user-flag.ts';

const security = (text: string) =>
  podTemplate(aPool(), someQueues, undefined, podUserFlag.parse(text)).spec['securityContext'];

it('runs workers as a fixed user, or leaves it to the image and the platform; never as root', () => {
  const always = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
  expect(security(podUserFlag.default)).toEqual({ ...always, runAsUser: 65_532, runAsGroup: 65_532 });
  expect(security('1000')).toEqual({ ...always, runAsUser: 1000, runAsGroup: 1000 });
  expect(security('image')).toEqual(always);
});

it.each(['0', '-1', '4294967296', 'nobody', ''])('refuses %j as a user', (text) => {
  expect(() => podUserFlag.parse(text)).toThrow('must be image or a uid from 1 to');
});
