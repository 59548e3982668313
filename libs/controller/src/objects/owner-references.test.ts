import { expect, it } from 'vitest';
import { controllerOwnerReference, isOwnedBy, ownerKey } from './owner-references.ts';
import { DEPLOYMENTS, PODS, type Resource } from './resources.ts';

const owner: Resource = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'ns', name: 'web', uid: 'u1' },
};
const owned: Resource = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'ns', name: 'web-1', ownerReferences: [controllerOwnerReference(owner)] },
};

it('leads from an owned object back to its owner', () => {
  expect(ownerKey(owned, DEPLOYMENTS)).toEqual({ namespace: 'ns', name: 'web' });
  expect(isOwnedBy(owned, owner)).toBe(true);
});

it('does not take another kind, another group or a re-created owner for the owner', () => {
  expect(ownerKey(owned, PODS)).toBeUndefined();
  expect(ownerKey(owned, { ...DEPLOYMENTS, group: 'other.example' })).toBeUndefined();
  expect(isOwnedBy(owned, { ...owner, metadata: { ...owner.metadata, uid: 'u2' } })).toBe(false);
});

it('refuses an owner that was never stored', () => {
  expect(() => controllerOwnerReference({ ...owner, metadata: { name: 'web' } })).toThrow('web has no uid');
});
