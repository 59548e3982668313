import { numberFlag, oneOf, type AppFlag, type FlagValues } from '../manager/flags.ts';
import type { AdmissionOptions } from './serve-admission.ts';

const certificates: Required<AppFlag<AdmissionOptions['certificates']>> = {
  default: 'own',
  help: "Who makes the webhooks' certificate: own, the leader; secret, whoever writes their Secret, such as cert-manager.",
  placeholder: 'own|secret',
  parse: (text) => oneOf(text, ['own', 'secret']) as AdmissionOptions['certificates'],
};

/** Of an app that has webhooks. */
export const admissionFlags = {
  'webhook-name': {
    default: '',
    help: 'Name of the Service and of the Secret of the admission webhooks, in the namespace of the Lease; empty: none are served.',
    placeholder: 'NAME',
  },
  'webhook-port': numberFlag(
    { default: '9443', help: 'Port of the admission webhooks.', placeholder: 'PORT' },
    { min: 1, max: 65_535 },
  ),
  'webhook-certificates': certificates,
};

/**
 * What the flags mean: the webhook configurations are called `<namespace>-<name>`, as cluster-wide objects are in the
 * charts.
 *
 * @param namespace of the release.
 * @returns undefined where no webhooks are to be served.
 */
export function admissionOptions(
  flags: FlagValues<typeof admissionFlags>,
  namespace: string,
): Omit<AdmissionOptions, 'kinds'> | undefined {
  const name = flags['webhook-name'];
  if (name === '') return undefined;
  return {
    port: flags['webhook-port'],
    secret: { namespace, name },
    certificates: flags['webhook-certificates'],
    configuration: `${namespace}-${name}`,
    names: [`${name}.${namespace}.svc`],
  };
}
