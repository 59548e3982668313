import { parentPort, workerData } from 'node:worker_threads';
import type { Case, FromJudge } from './judge-pool.ts';
import { judge } from './judge.ts';
import { openStage } from '../simulation/stage.ts';

const { workload, flags, circumstances } = workerData as Case;
const REPORT_EACH = 20;

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none; that is a window's.
const send = (message: FromJudge): void => parentPort!.postMessage(message);
const verdict = judge(workload, openStage(flags, undefined, circumstances), (done, of) => {
  if (done % REPORT_EACH === 0) send({ done, of });
});
send({ verdict });
