import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { ROOT } from './runner.ts';

const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
for (const file of readdirSync(join(ROOT, 'schemas')))
  ajv.addSchema(JSON.parse(readFileSync(join(ROOT, 'schemas', file), 'utf8')), file);

/** Holds what a command printed with `--format json` to `schemas/<name>.json`, and gives it back. */
export function validJson(name: string, text: string): unknown {
  const value: unknown = JSON.parse(text);
  const validate = ajv.getSchema(`${name}.json`);
  assert.ok(validate, `there is no schemas/${name}.json`);
  assert.ok(validate(value), `${name}: ${ajv.errorsText(validate.errors)}\n${text}`);
  return value;
}
