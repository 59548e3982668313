import type { AppFlag } from '@redis-queue/controller';

/** It is a part of the owner mark, between slashes. */
const LEGAL = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/;

/** `--cluster-id`: for a controller without the right to read kube-system. */
export const clusterIdFlag: Required<AppFlag<string | undefined>> = {
  default: '',
  help: 'Names the cluster in owner marks; empty for the uid of kube-system. The Helm value clusterId.',
  placeholder: 'ID',
  parse(text) {
    if (text === '') return undefined;
    if (!LEGAL.test(text)) throw new Error('must be at most 63 letters, digits, dots and dashes');
    return text;
  },
};
