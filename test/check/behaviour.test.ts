import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BehaviourFacts, behaviourDrift, behaviourFacts } from '../../src/check/behaviour.ts';

const base: BehaviourFacts = {
  framework: { name: 'scikit-learn', version: '1.5.2' },
  parameters: 1000,
  size: 8000,
  python: '3.11.4',
  precision: 'float64',
  priors: [0.5, 0.5],
  labels: ['no', 'yes'],
};
const rules = (change: Partial<BehaviourFacts>, from: BehaviourFacts = base): string[] =>
  behaviourDrift(from, { ...base, ...change }).map((one) => `${one.level} ${one.rule}`);

test('a model made in the same way is nothing to say, nor is what is not known', () => {
  assert.deepEqual(rules({}), []);
  const unknown: BehaviourFacts = { framework: null, parameters: null, size: null };
  assert.deepEqual(behaviourDrift(unknown, base), []);
  assert.deepEqual(behaviourDrift(base, unknown), []);
});

test('frameworks: another one, or another major version of it', () => {
  assert.deepEqual(rules({ framework: { name: 'scikit-learn', version: '1.6.0' } }), []);
  assert.deepEqual(rules({ framework: { name: 'scikit-learn', version: '2.0.0' } }), [
    'notice behaviour-framework-major',
  ]);
  assert.deepEqual(rules({ framework: { name: 'xgboost', version: '2.0.0' } }), [
    'notice behaviour-framework-changed',
  ]);
  const early = { ...base, framework: { name: 'scikit-learn', version: '0.23.2' } };
  assert.deepEqual(
    behaviourDrift(early, { ...early, framework: { name: 'scikit-learn', version: '0.24.0' } }).map(
      (one) => one.rule,
    ),
    ['behaviour-framework-major'],
  );
});

test('Python counts by its minor version', () => {
  assert.deepEqual(rules({ python: '3.11.9' }), []);
  assert.deepEqual(rules({ python: '3.12.0' }), ['notice behaviour-python-changed']);
});

test('precision is read where it is stated and else seen in the bytes of a parameter', () => {
  assert.deepEqual(rules({ precision: 'float16' }), ['notice behaviour-precision-changed']);
  assert.deepEqual(rules({ precision: null, size: 4000 }), [
    'notice behaviour-precision-changed',
    'notice behaviour-size-changed',
  ]);
});

test('counts and sizes matter from half as much again', () => {
  assert.deepEqual(rules({ parameters: 1400 }), []);
  assert.deepEqual(rules({ parameters: 1500 }), ['notice behaviour-parameters-changed']);
  assert.deepEqual(rules({ parameters: 600 }), ['notice behaviour-parameters-changed']);
  assert.deepEqual(rules({ size: 16000 }), ['notice behaviour-size-changed']);
});

test('the share of a class that moved is named', () => {
  assert.deepEqual(rules({ priors: [0.45, 0.55] }), []);
  const [one] = behaviourDrift(base, { ...base, priors: [0.2, 0.8] });
  assert.equal(one?.rule, 'behaviour-priors-changed');
  assert.match(one?.message ?? '', /"no" was 50 % .* 20 % now/);
});

test('a publish event gives the facts that it has', () => {
  const made = { framework: null, parameters: 5, files: [{ size: 3 }, { size: 4 }] };
  assert.deepEqual(behaviourFacts(made), {
    framework: null,
    parameters: 5,
    size: 7,
    python: null,
    precision: null,
    priors: null,
    labels: null,
  });
  const facts = behaviourFacts({
    ...made,
    properties: { python: '3.11', precision: 'float16', priors: '0.25, 0.75' },
  });
  assert.deepEqual([facts.python, facts.precision, facts.priors], ['3.11', 'float16', [0.25, 0.75]]);
  assert.equal(behaviourFacts({ ...made, properties: { priors: 'many' } }).priors, null);
});
