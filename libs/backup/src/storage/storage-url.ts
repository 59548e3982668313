import type { S3Spec, StorageSpec } from './storage-spec.ts';

const FORM = 's3://bucket/prefix?endpoint=https://host&region=name or file:///directory';
const PARAMETERS = ['endpoint', 'region', 'forcePathStyle'];

/**
 * A storage as the command line names it. Credentials are never part of it.
 * @throws with the form that is expected; what stands in the URL is not repeated, as it may be a secret.
 */
export function parseStorageUrl(text: string): StorageSpec {
  if (!URL.canParse(text)) throw new TypeError(`a storage is named as ${FORM}`);
  const url = new URL(text);
  if (url.username !== '' || url.password !== '')
    throw new TypeError('credentials do not belong into the URL of a storage; give them by the environment or a file');
  if (url.protocol === 'file:') {
    if (url.host !== '' || url.search !== '') throw new TypeError('a directory is named as file:///directory');
    return { volume: { root: decodeURIComponent(url.pathname) } };
  }
  if (url.protocol !== 's3:' || url.host === '') throw new TypeError(`a storage is named as ${FORM}`);
  return { s3: s3Of(url) };
}

function s3Of(url: URL): S3Spec {
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined)
    throw new TypeError(`"${unknown}" is no parameter of a storage; known are ${PARAMETERS.join(', ')}`);
  const prefix = decodeURIComponent(url.pathname).replace(/^\/|\/$/g, '');
  const endpoint = url.searchParams.get('endpoint');
  const region = url.searchParams.get('region');
  const forcePathStyle = url.searchParams.get('forcePathStyle');
  if (forcePathStyle !== null && forcePathStyle !== 'true' && forcePathStyle !== 'false')
    throw new TypeError('forcePathStyle is true or false');
  return {
    bucket: url.host,
    ...(prefix !== '' && { prefix }),
    ...(endpoint !== null && { endpoint }),
    ...(region !== null && { region }),
    ...(forcePathStyle !== null && { forcePathStyle: forcePathStyle === 'true' }),
  };
}
