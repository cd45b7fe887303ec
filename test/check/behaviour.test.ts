import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BehaviourFacts,
  behaviourDrift,
  behaviourFacts,
  behaviourProperties,
} from '../../src/check/behaviour.ts';

function shares(given: Readonly<Record<string, number>>): ReadonlyMap<string, number> {
  return new Map(Object.entries(given));
}

const base: BehaviourFacts = {
  framework: { name: 'scikit-learn', version: '1.5.2' },
  parameters: 1000,
  size: 8000,
  python: '3.11.4',
  precision: 'float64',
  imagePython: '3.11',
  priors: shares({ no: 0.5, yes: 0.5 }),
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
  assert.deepEqual(rules({ imagePython: '3.12' }), ['notice behaviour-python-changed']);
  // One change, one notice; and what a model was made with is not held against what it is served with.
  assert.deepEqual(rules({ python: '3.12.0', imagePython: '3.12' }), ['notice behaviour-python-changed']);
  assert.deepEqual(rules({ python: null, imagePython: '3.11' }, { ...base, imagePython: null }), []);
});

test('precision is read where it is stated and else seen in the bytes of a parameter', () => {
  assert.deepEqual(rules({ precision: 'float16' }), ['notice behaviour-precision-changed']);
  assert.deepEqual(rules({ precision: null, size: 4000 }), [
    'notice behaviour-precision-changed',
    'notice behaviour-size-changed',
  ]);
});

test('counters beside the weights are no precision, and order matters only at the front', () => {
  const from = { ...base, precision: 'float16, float32, int64' };
  assert.deepEqual(rules({ precision: 'float16, int64, float32' }, from), []);
  assert.deepEqual(rules({ precision: 'float16, float32' }, from), []);
  assert.deepEqual(rules({ precision: 'float32, float16' }, from), ['notice behaviour-precision-changed']);
  assert.deepEqual(rules({ precision: 'float16, float32, int8' }, from), [
    'notice behaviour-precision-changed',
  ]);
});

test('every way to write a number type is one', () => {
  const precision = (text: string, quantization?: string) =>
    behaviourProperties({ precision: text, ...(quantization && { quantization }) })['precision'];
  for (const text of ['F16', 'fp16', 'torch.float16', 'float16', 'torch.half'])
    assert.equal(precision(text), 'float16');
  assert.equal(precision('BF16, F32, I64'), 'bfloat16, float32, int64');
  assert.equal(precision('q4_K, F32'), 'Q4_K, float32');
  assert.equal(precision('float16', 'GPTQ'), 'float16, gptq');
});

test('counts and sizes matter from half as much again', () => {
  assert.deepEqual(rules({ parameters: 1400 }), []);
  assert.deepEqual(rules({ parameters: 1500 }), ['notice behaviour-parameters-changed']);
  assert.deepEqual(rules({ parameters: 600 }), ['notice behaviour-parameters-changed']);
  assert.deepEqual(rules({ size: 16000 }), ['notice behaviour-size-changed']);
});

test('the share of a class that moved is named', () => {
  assert.deepEqual(rules({ priors: shares({ no: 0.45, yes: 0.55 }) }), []);
  assert.deepEqual(rules({ priors: shares({ yes: 0.5, no: 0.5 }) }), []);
  // Other classes: the contract says that.
  assert.deepEqual(rules({ priors: shares({ no: 0.2, yes: 0.2, maybe: 0.6 }) }), []);
  assert.deepEqual(rules({ priors: shares({ no: 0.1, maybe: 0.9 }) }), []);
  const [one] = behaviourDrift(base, { ...base, priors: shares({ no: 0.2, yes: 0.8 }) });
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
    imagePython: null,
    priors: null,
  });
  const facts = behaviourFacts({
    ...made,
    properties: { python: '3.11', precision: 'float16', priors: '{"no":0.25,"yes":0.75}' },
  });
  assert.deepEqual(
    [facts.python, facts.precision, facts.priors],
    ['3.11', 'float16', shares({ no: 0.25, yes: 0.75 })],
  );
  for (const priors of ['many', '[0.5]', '{"no":"half"}', 'null'])
    assert.equal(behaviourFacts({ ...made, properties: { priors } }).priors, null);
});

test('of what files state only what is compared is kept, sorted', () => {
  const kept = behaviourProperties({
    python: '3.11.4',
    priors: '{"no":1}',
    precision: 'F32',
    licence: 'mit',
    image_python: '3.11',
  });
  assert.deepEqual(Object.entries(kept), [
    ['image_python', '3.11'],
    ['precision', 'float32'],
    ['priors', '{"no":1}'],
    ['python', '3.11.4'],
  ]);
  assert.deepEqual(behaviourProperties({ priors: 'x'.repeat(100_000), precision: '' }), {});
});
