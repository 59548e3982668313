import type { AppFlag } from '@redis-queue/controller';
import { DEFAULT_POD_USER, type PodUser } from './pod-template.ts';

/** Uid 0 is none: pods run as non-root. */
const LEGAL = /^[1-9][0-9]{0,9}$/;
const MAX_UID = 2_147_483_647;

/** `--worker-run-as-user`: a uid, which is the gid as well, or `image`. */
export const podUserFlag: Required<AppFlag<PodUser>> = {
  default: String(DEFAULT_POD_USER),
  help: "Uid and gid of worker pods; image: the image's, or what OpenShift gives. The Helm value workers.runAsUser.",
  placeholder: 'UID|image',
  parse(text) {
    if (text === 'image') return text;
    if (!LEGAL.test(text) || Number(text) > MAX_UID) throw new Error(`must be image or a uid from 1 to ${MAX_UID}`);
    return Number(text);
  },
};
