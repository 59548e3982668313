import type { JsonObject } from '../deployment/template/pod-schema.ts';

/** A source of numbers below `n` that gives the same ones for the same seed (xorshift). */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

/**
 * For tests: a valid partial template that touches some of what is built, and adds to it; the same for the same seed.
 */
export function randomPartial(seed: number): JsonObject {
  const below = numbers(seed * 7919);
  const maybe = (fields: JsonObject): JsonObject => (below(2) === 0 ? fields : {});
  const some = <T>(entries: T[]): T[] => entries.filter(() => below(2) === 0);
  const text = (): string => `v${below(5)}`;
  const envs = (): JsonObject[] =>
    some([
      { name: 'A', value: text() },
      { name: 'B', valueFrom: { secretKeyRef: { name: text(), key: text() } } },
      { name: 'C', value: text() },
      { name: 'D', valueFrom: { configMapKeyRef: { name: text(), key: text() } } },
    ]);
  return {
    ...maybe({ metadata: { labels: { [text()]: text() }, annotations: { ours: text() } } }),
    spec: {
      ...maybe({ nodeSelector: { [text()]: text() } }),
      ...maybe({ tolerations: some([{ key: text() }, { key: text(), operator: 'Exists' }]) }),
      ...maybe({ securityContext: { runAsUser: below(9000) } }),
      containers: some([
        { name: 'worker', ...maybe({ env: envs() }), ...maybe({ args: some([text(), text()]) }) },
        { name: 'proxy', image: text(), ...maybe({ env: envs() }) },
      ]),
      volumes: some([
        { name: 'tmp', ...maybe({ emptyDir: { medium: 'Memory' } }) },
        { name: text(), configMap: { name: text() } },
      ]),
    },
  };
}
