import { problemOfRun } from '../runs/failure.ts';
import { deletionDueMs } from '../runs/run-objects.ts';
import { problemOfStage } from '../runs/stage.ts';
import {
  holdsQueues,
  needsResumption,
  type ObservedRestore,
  type Problem,
  type RestoreObject,
  type RestorePlan,
} from './steps.ts';

/** What is to be done for a restore now. Pure. */
export function planRestore(restore: RestoreObject, observed: ObservedRestore, now: Date): RestorePlan {
  if (needsResumption(restore)) return planResumption(observed);
  const { stage, run } = observed;
  switch (stage) {
    case 'ended': {
      const isDue = !holdsQueues(restore) && deletionDueMs(restore, now) === 0;
      return { steps: isDue ? [{ kind: 'delete' }] : [] };
    }
    case 'succeeded':
      return { steps: [] };
    case 'running':
      return { steps: [], problem: run?.phase === 'ended' ? RESUMING : RESTORING };
    case 'due':
      if (observed.problem) return { steps: [], problem: observed.problem };
      return { steps: [{ kind: 'begin' }], problem: RESTORING };
    default: {
      const problem = problemOfStage(restore, stage, run) as Problem | undefined;
      const late = stage === 'late' ? [{ kind: 'abort', why: 'its deadline passed' } as const] : [];
      return { steps: late, ...(problem && { problem }) };
    }
  }
}

/** Without numbers that move: those have fields of their own. */
const RESTORING: Problem = {
  reason: 'Restoring',
  message: 'the backup is being read, and its jobs written and compared; status.progress says how far it is',
};
const RESUMING: Problem = { reason: 'Resuming', message: 'all jobs are there and verified, and the queues are being resumed' };

function planResumption({ run, problem }: ObservedRestore): RestorePlan {
  if (run?.phase === 'ended') {
    if (run.end.ok) return { steps: [] };
    return { steps: [{ kind: 'forgetRun' }], problem: problemOfRun(run.end.error) as Problem };
  }
  if (run) return { steps: [], problem: RESUMING };
  return problem ? { steps: [], problem } : { steps: [{ kind: 'resume' }], problem: RESUMING };
}
