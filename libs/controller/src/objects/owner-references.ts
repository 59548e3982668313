import type { ObjectKey, OwnerReference, Resource, ResourceType } from './resources.ts';
import { apiVersionOf } from './resources.ts';

/**
 * The reference that makes `owner` the controller of an object in the same namespace: garbage collection deletes the
 * object with it.
 * @throws when `owner` was never stored, and so has no uid
 */
export function controllerOwnerReference(owner: Resource): OwnerReference {
  const { name, uid } = owner.metadata;
  if (!uid)
    throw new Error(`${owner.kind} ${name} has no uid; only an object read from the API server can own another.`);
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** The owner that controls `object`, if it has one. */
export function readOwnerReference(object: Resource): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller);
}

/** The key of the owner of `type` that controls `object`; the version of the reference does not matter. */
export function ownerKey(object: Resource, type: ResourceType): ObjectKey | undefined {
  const owner = readOwnerReference(object);
  if (!owner || owner.kind !== type.kind) return undefined;
  const group = owner.apiVersion.includes('/') ? owner.apiVersion.split('/')[0] : '';
  if (group !== type.group) return undefined;
  return type.namespaced ? { namespace: object.metadata.namespace, name: owner.name } : { name: owner.name };
}

export function isOwnedBy(object: Resource, owner: Resource): boolean {
  return readOwnerReference(object)?.uid === owner.metadata.uid;
}

/** `apiVersion` and `kind` for an object of `type`, to be spread into it. */
export function typeMeta(type: ResourceType): { apiVersion: string; kind: string } {
  return { apiVersion: apiVersionOf(type), kind: type.kind };
}
