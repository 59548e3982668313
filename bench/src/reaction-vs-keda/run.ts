import { DEPLOYMENTS, loadKubeClient } from '@redis-queue/controller';
import { AS_INSTALLED, TUNED } from '@redis-queue/keda';
import { seededRandom, type Random } from '@redis-queue/simulator';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Arm, ArmContext, Target } from './arm.ts';
import { watchBurst, type Sized } from './burst-watch.ts';
import { inFlight } from '../cluster-objects/in-flight.ts';
import { kedaArm } from './keda-arm.ts';
import { ObjectWatch } from '../cluster-objects/object-watch.ts';
import { oursArm } from './ours-arm.ts';
import type { Reaction } from './summary.ts';
import type { Stand } from '../stand/stand.ts';

/** In the order in which they run. */
export const ARMS = ['default', 'tuned', 'ours'] as const;
export type ArmName = (typeof ARMS)[number];

export interface ReactionVsKedaOptions {
  arms: readonly ArmName[];
  /** Bursts of each arm. */
  tries: number;
  seed: number;
  print: (line: string) => void;
}

const BURST = 100;
const TARGET: Target = { jobsPerReplica: 5, maxReplicas: 20 };
const FINAL_SIZE = Math.min(TARGET.maxReplicas, BURST / TARGET.jobsPerReplica);

const START: Record<ArmName, (context: ArmContext) => Promise<Arm>> = {
  default: (context) => kedaArm(context, AS_INSTALLED),
  tuned: (context) => kedaArm(context, TUNED),
  ours: oursArm,
};

/**
 * Runs the arms one after the other and returns what each burst led to. Nobody works on the jobs: only the sizing is
 * timed.
 */
export async function runReactionVsKeda(
  stand: Stand,
  { arms, tries, seed, print }: ReactionVsKedaOptions,
): Promise<Map<ArmName, Reaction[]>> {
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath });
  const end = new AbortController();
  const redis = new Redis(stand.redis.url, { maxRetriesPerRequest: null });
  const results = new Map<ArmName, Reaction[]>();
  try {
    const deployments = await ObjectWatch.start<Sized>(client, DEPLOYMENTS, stand.namespace, end.signal);
    const context: ArmContext = { stand, client, deployments, target: TARGET, print };
    for (const name of ARMS.filter((each) => arms.includes(each))) {
      print(`${name}: ${tries} bursts of ${BURST} jobs`);
      await using arm = await START[name](context);
      const random = seededRandom(seed);
      const reactions: Reaction[] = [];
      await inFlight([...Array(tries).keys()], arm.lanes, async (attempt) => {
        const reaction = await oneBurst(context, arm, redis, `${name}-${attempt}`, random);
        reactions.push(reaction);
        const [firstMs, finalMs] = [reaction.firstMs, reaction.finalMs].map(Math.round);
        const way = [0, ...reaction.sizes].join(' → ');
        print(`${name}: ${reactions.length}/${tries}  first ${firstMs} ms, final ${finalMs} ms  ${way}`);
      });
      results.set(name, reactions);
    }
    return results;
  } finally {
    end.abort();
    redis.disconnect();
    await client.close();
  }
}

async function oneBurst(
  { deployments }: ArmContext,
  arm: Arm,
  redis: Redis,
  name: string,
  random: Random,
): Promise<Reaction> {
  const queue = new Queue(name, { connection: redis, skipMetasUpdate: true });
  await arm.prepare(name, random);
  const jobs = Array.from({ length: BURST }, (_, n) => ({ name: 'burst', data: { n } }));
  const reaction = await watchBurst(deployments, name, FINAL_SIZE, arm.timeoutMs, () => queue.addBulk(jobs));
  const { waiting } = await queue.getJobCounts('waiting');
  if (waiting !== BURST) throw new Error(`queue ${name} has ${waiting} jobs waiting, not the ${BURST} of the burst`);
  await queue.obliterate();
  await arm.remove(name);
  return reaction;
}
