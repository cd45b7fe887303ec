import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { asUserError, UserError } from '../../src/ports/errors.ts';

test('what the system refuses is a message with the path, and not a bug', () => {
  const refused = Object.assign(new Error('EACCES: permission denied'), {
    code: 'EACCES',
    path: '/m/model.onnx',
  });
  const error = asUserError(refused);
  assert.ok(error instanceof UserError);
  assert.equal(error.message, '"/m/model.onnx" cannot be used: permission denied');
  assert.match(error.help ?? '', /may read/);
});

test('other errors stay what they are', () => {
  const mistake = new TypeError('x is not a function');
  assert.equal(asUserError(mistake), mistake);
  assert.throws(
    () => readFileSync('/nowhere/at/all'),
    (error) => asUserError(error) === error,
  );
});
