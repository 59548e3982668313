import type { Resource } from '@redis-queue/controller';

interface Container {
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

/** A Deployment, as far as its pods' environment goes. */
export interface PodOwner extends Resource {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: Container[]; readonly initContainers?: Container[] } };
  };
}

/** The environment values in which the kubelet would put another variable: `$(NAME)`, unless its `$` is doubled. Pure. */
export function expandedValues({ spec }: PodOwner): string[] {
  const { containers, initContainers = [] } = spec.template.spec;
  const values = [...containers, ...initContainers].flatMap(({ env = [] }) => env.map(({ value = '' }) => value));
  return values.filter((value) => value.replaceAll('$$', '').includes('$('));
}
