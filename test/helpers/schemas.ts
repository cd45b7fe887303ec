import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { ROOT } from './runner.ts';

const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
for (const file of readdirSync(join(ROOT, 'schemas'))) {
  const schema = JSON.parse(readFileSync(join(ROOT, 'schemas', file), 'utf8')) as { $schema: string };
  // What commands print is all of one draft; files that users write have their own tests.
  if (schema.$schema.includes('draft-07')) ajv.addSchema(schema, file);
}

/** Holds what a command printed with `--format json` to `schemas/<name>.json`, and gives it back. */
export function validJson(name: string, text: string): unknown {
  const value: unknown = JSON.parse(text);
  const validate = ajv.getSchema(`${name}.json`);
  assert.ok(validate, `there is no schemas/${name}.json`);
  assert.ok(validate(value), `${name}: ${ajv.errorsText(validate.errors)}\n${text}`);
  return value;
}
