import type { ScalingRules, WorkerPoolSpec } from '@redis-queue/api';
import { expect, it } from 'vitest';
import { decide } from './decide.ts';
import { aLoad, anObservation } from './fixtures.ts';
import type { QueueLoad } from './model/types.ts';
import { initialState } from './policy-state.ts';
import { poolSpecView } from './pool-spec.ts';

// Each field of spec.autoscaling that shapes a decision, from the spec to the size: all else equal, one field differs.

type Autoscaling = NonNullable<WorkerPoolSpec['autoscaling']>;

/** The size of a pool that follows its decisions for so many seconds of a load. */
function sizeAfter(
  autoscaling: Partial<Autoscaling>,
  { replicas, load, seconds }: { replicas: number; load: (second: number) => QueueLoad; seconds: number },
): number {
  const pool = poolSpecView({
    image: 'registry.example/worker',
    version: '1',
    queues: ['emails'],
    concurrency: 10,
    replicas: 1,
    autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 100, ...autoscaling },
  })!;
  let state = initialState(0);
  let size = replicas;
  for (let second = 1; second <= seconds; second++) {
    const nowMs = second * 1_000;
    const decided = decide(pool, state, anObservation(size, { ...load(second), sampledAtMs: nowMs }), nowMs);
    state = decided.state;
    size = decided.decision.desired;
  }
  return size;
}

const up = (scaleUp: ScalingRules): Partial<Autoscaling> => ({ behavior: { scaleUp } });
const down = (scaleDown: ScalingRules): Partial<Autoscaling> => ({ behavior: { scaleDown } });
const pods = (value: number, periodSeconds = 15) => ({ type: 'Pods', value, periodSeconds }) as const;
const percent = (value: number, periodSeconds = 15) => ({ type: 'Percent', value, periodSeconds }) as const;
const flow = (active: number) => aLoad({ active, estimates: { arrivalRate: active, arrivalMemoryMs: 43_281 } });

const line = { replicas: 4, load: () => aLoad({ ready: 1_000 }), seconds: 10 };
const longLine = { ...line, load: () => aLoad({ ready: 100_000 }) };
const idle = { replicas: 20, load: () => aLoad(), seconds: 100 };
const little = { replicas: 50, load: () => flow(430), seconds: 300 };
const burst = { replicas: 1, load: (second: number) => (second < 5 ? flow(5) : aLoad({ ready: 1_000 })), seconds: 10 };
const moreThanSlots = { replicas: 4, load: () => aLoad({ active: 40, estimates: { arrivalRate: 43 } }), seconds: 20 };

it.each<[string, Parameters<typeof sizeAfter>[1], [Partial<Autoscaling>, number], [Partial<Autoscaling>, number]]>([
  ['minReplicas', idle, [{ minReplicas: 0 }, 0], [{ minReplicas: 7 }, 7]],
  ['maxReplicas', longLine, [{ maxReplicas: 100 }, 100], [{ maxReplicas: 9 }, 9]],
  [
    'targetMetrics.queueDepth',
    line,
    [{ targetMetrics: { queueDepth: 100 } }, 10],
    [{ targetMetrics: { queueDepth: 20 } }, 50],
  ],
  [
    'targetMetrics.latencyP95',
    line,
    [{ targetMetrics: { latencyP95: '5s' } }, 29],
    [{ targetMetrics: { latencyP95: '20s' } }, 10],
  ],
  [
    'scaleUp.stabilizationWindowSeconds',
    burst,
    [up({ stabilizationWindowSeconds: 0 }), 7],
    [up({ stabilizationWindowSeconds: 300 }), 1],
  ],
  [
    'scaleUp.selectPolicy',
    longLine,
    [up({ selectPolicy: 'Max', policies: [pods(1), pods(6)] }), 10],
    [up({ selectPolicy: 'Min', policies: [pods(1), pods(6)] }), 5],
  ],
  ['scaleUp.policies.type', longLine, [up({ policies: [pods(50)] }), 54], [up({ policies: [percent(50)] }), 6]],
  ['scaleUp.policies.value', longLine, [up({ policies: [pods(2)] }), 6], [up({ policies: [pods(3)] }), 7]],
  [
    'scaleUp.policies.periodSeconds',
    { ...longLine, seconds: 30 },
    [up({ policies: [pods(2, 15)] }), 8],
    [up({ policies: [pods(2, 60)] }), 6],
  ],
  ['scaleUp.tolerance', moreThanSlots, [up({ tolerance: 0 }), 5], [up({ tolerance: 0.5 }), 4]],
  [
    'scaleDown.stabilizationWindowSeconds',
    idle,
    [down({ stabilizationWindowSeconds: 30 }), 0],
    [down({ stabilizationWindowSeconds: 300 }), 20],
  ],
  [
    'scaleDown.selectPolicy',
    idle,
    [down({ selectPolicy: 'Max', policies: [pods(1, 1_800), pods(6, 1_800)] }), 14],
    [down({ selectPolicy: 'Min', policies: [pods(1, 1_800), pods(6, 1_800)] }), 19],
  ],
  [
    'scaleDown.policies.type',
    idle,
    [down({ policies: [pods(10, 1_800)] }), 10],
    [down({ policies: [percent(10, 1_800)] }), 18],
  ],
  [
    'scaleDown.policies.value',
    idle,
    [down({ policies: [pods(2, 1_800)] }), 18],
    [down({ policies: [pods(3, 1_800)] }), 17],
  ],
  [
    'scaleDown.policies.periodSeconds',
    idle,
    [down({ policies: [pods(2, 15)] }), 14],
    [down({ policies: [pods(2, 1_800)] }), 18],
  ],
  ['scaleDown.tolerance', little, [down({ tolerance: 0 }), 44], [down({ tolerance: 0.5 }), 50]],
])('%s changes the size', (_, pool, [one, size], [other, otherSize]) => {
  expect([sizeAfter(one, pool), sizeAfter(other, pool)]).toEqual([size, otherSize]);
});
