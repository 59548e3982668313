import { expect, it } from 'vitest';
import { AS_INSTALLED, listScaling, redisAuthentication, TUNED, type ListScaling } from './scaled-objects.ts';

const SCALING: ListScaling = {
  name: 'emails',
  namespace: 'team',
  list: 'bull:emails:wait',
  redisAddress: '127.0.0.1:6379',
  entriesPerReplica: 5,
  maxReplicas: 20,
  settings: AS_INSTALLED,
};

it('sets no timing when it is as installed', () => {
  const { spec } = listScaling(SCALING);
  expect(Object.keys(spec).toSorted()).toEqual(['maxReplicaCount', 'minReplicaCount', 'scaleTargetRef', 'triggers']);
});

it('polls every second and limits no step when it is tuned', () => {
  const { spec } = listScaling({ ...SCALING, settings: TUNED });
  expect(spec).toMatchObject({ pollingInterval: 1, maxReplicaCount: 20 });
  expect(JSON.stringify(spec)).toContain('"scaleUp":{"stabilizationWindowSeconds":0,"selectPolicy":"Max"');
});

it('reaches Redis by the TriggerAuthentication and never carries the password itself', () => {
  const [secret, authentication] = redisAuthentication('team', 'hush') as [object, { metadata: { name: string } }];
  const scaledObject = listScaling(SCALING);
  expect(scaledObject.spec['triggers']).toMatchObject([{ authenticationRef: { name: authentication.metadata.name } }]);
  expect(JSON.stringify([scaledObject, authentication])).not.toContain('hush');
  expect(secret).toMatchObject({ stringData: { password: 'hush' } });
});
