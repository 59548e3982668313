import { LiveGauge, metricValue } from '@redis-queue/controller';
import type { Registry } from 'prom-client';
import type { Decision, QueueSignal } from '@redis-queue/scaling';
import type { ScaledPool } from '../watching/topology.ts';

type Signal = Exclude<keyof QueueSignal, 'queue'>;

interface SignalGauge {
  readonly name: string;
  readonly help: string;
  /** One signal, or one per quantile. */
  readonly from: readonly { readonly signal: Signal; readonly quantile?: string }[];
  /** The factor from the signal's unit to that of the gauge: signals in ms are shown in seconds. */
  readonly unit?: number;
}

const MS = 1e-3;

const SIGNAL_GAUGES: readonly SignalGauge[] = [
  {
    name: 'depth',
    help: 'Jobs that are ready and wait: waiting, prioritized, overdue.',
    from: [{ signal: 'depth' }],
  },
  { name: 'active', help: 'Jobs that run.', from: [{ signal: 'active' }] },
  {
    name: 'arrivals_per_second',
    help: 'Jobs that become ready per second.',
    from: [{ signal: 'arrivalRate' }],
  },
  {
    name: 'forecast_arrivals_per_second',
    help: "Jobs per second that are expected a pod's start time ahead.",
    from: [{ signal: 'forecastRate' }],
  },
  {
    name: 'service_seconds',
    help: 'Mean run time of a job.',
    from: [{ signal: 'serviceTimeMs' }],
    unit: MS,
  },
  {
    name: 'wait_seconds',
    help: 'Waits, ready to started, of jobs that finished lately, by quantile.',
    from: [
      { signal: 'waitP50Ms', quantile: '0.5' },
      { signal: 'waitP95Ms', quantile: '0.95' },
      { signal: 'waitP99Ms', quantile: '0.99' },
    ],
    unit: MS,
  },
  {
    name: 'oldest_age_seconds',
    help: 'How long the job that is next in line has been ready.',
    from: [{ signal: 'oldestAgeMs' }],
    unit: MS,
  },
  {
    name: 'error_ratio',
    help: 'Share of the jobs finished lately that failed, 0 to 1.',
    from: [{ signal: 'errorRate' }],
  },
  {
    name: 'not_consumed_seconds',
    help: 'For how long no job has left the line although ready pods have free slots; absent while jobs leave it.',
    from: [{ signal: 'notConsumedMs' }],
    unit: MS,
  },
  { name: 'wanted_replicas', help: 'Replicas that this queue alone asks for.', from: [{ signal: 'wants' }] },
];
const SIGNALS: readonly Signal[] = SIGNAL_GAUGES.flatMap(({ from }) => from.map(({ signal }) => signal));

interface Decided {
  readonly namespace: string;
  readonly pool: string;
  desired: number;
  confidence: number;
  limited: boolean;
  heldBy: string | undefined;
  queues: readonly string[];
  /** `SIGNALS` of one queue after the other; NaN is no data. */
  numbers: Float64Array;
}

/**
 * What was decided last, one gauge per signal. The numbers are stored in one flat array per pool, are overwritten in
 * place, and are formatted as labels and lines only when somebody reads them: stored the way gauges usually are, 5,000
 * queues would cost tens of MB, and each decision a dozen map accesses.
 */
export class DecisionGauges {
  readonly #decided = new Map<string, Decided>();

  constructor(registry: Registry) {
    const pools = (name: string, help: string, value: (decided: Decided) => number): void => {
      const rows = () => this.#pools(value);
      void new LiveGauge({ name: `redis_queue_autoscaler_${name}`, help, registers: [registry] }, rows);
    };
    pools('desired_replicas', 'Replicas that the pool should have.', ({ desired }) => desired);
    pools('confidence', 'How much of what the size rests on was measured, 0 to 1.', ({ confidence }) => confidence);
    pools('limited', '1 while more replicas are needed than maxReplicas allows.', ({ limited }) => (limited ? 1 : 0));
    const held = {
      name: 'redis_queue_autoscaler_held',
      help: '1 for the reason why the size does not follow the demand.',
      registers: [registry],
    };
    void new LiveGauge(held, () => this.#held());
    let offset = 0;
    for (const gauge of SIGNAL_GAUGES) {
      const start = offset;
      const name = `redis_queue_autoscaler_queue_${gauge.name}`;
      void new LiveGauge({ name, help: gauge.help, registers: [registry] }, () => this.#signals(gauge, start));
      offset += gauge.from.length;
    }
  }

  decided({ key, namespace, name }: ScaledPool, decision: Decision): void {
    const known = this.#decided.get(key);
    const decided = known ?? { namespace, pool: name, ...NOTHING };
    if (known === undefined) this.#decided.set(key, decided);
    decided.desired = decision.desired;
    decided.confidence = decision.confidence;
    decided.limited = decision.safetyLimitHit;
    decided.heldBy = decision.heldBy;
    const { signals } = decision;
    if (signals.length !== decided.queues.length || signals.some(({ queue }, n) => queue !== decided.queues[n])) {
      decided.queues = signals.map(({ queue }) => queue);
      decided.numbers = new Float64Array(signals.length * SIGNALS.length);
    }
    let at = 0;
    for (const signal of signals) {
      for (const which of SIGNALS) decided.numbers[at++] = signal[which] ?? Number.NaN;
    }
  }

  forget({ key }: ScaledPool): void {
    this.#decided.delete(key);
  }

  *#pools(value: (decided: Decided) => number): Generator<string> {
    for (const decided of this.#decided.values()) {
      yield `{namespace="${decided.namespace}",pool="${decided.pool}"} ${metricValue(value(decided))}`;
    }
  }

  *#held(): Generator<string> {
    for (const { namespace, pool, heldBy } of this.#decided.values()) {
      if (heldBy !== undefined) yield `{namespace="${namespace}",pool="${pool}",reason="${heldBy}"} 1`;
    }
  }

  *#signals({ from, unit = 1 }: SignalGauge, start: number): Generator<string> {
    for (const { namespace, pool, queues, numbers } of this.#decided.values()) {
      for (let index = 0; index < queues.length; index++) {
        for (let n = 0; n < from.length; n++) {
          const value = numbers[index * SIGNALS.length + start + n]!;
          if (Number.isNaN(value)) continue;
          const { quantile } = from[n]!;
          const which = quantile === undefined ? '' : `,quantile="${quantile}"`;
          yield `{namespace="${namespace}",pool="${pool}",queue="${queues[index]}"${which}} ${metricValue(value * unit)}`;
        }
      }
    }
  }
}

const NOTHING = {
  desired: 0,
  confidence: 0,
  limited: false,
  heldBy: undefined,
  queues: [],
  numbers: new Float64Array(),
};
