import { canonicalJson } from './canonical.ts';
import type { Contract, Field, Label, Signature, ValueType } from './types.ts';

/**
 * Writes a contract as `contract.yaml` or as `signature.json`, one field a line. Reading it again gives the same
 * contract. As JSON, a contract of nothing but `predict` has the familiar form without `signatures`.
 */
export function printContract(contract: Contract, form: 'yaml' | 'json'): string {
  return form === 'yaml' ? toYaml(contract) : toJson(contract);
}

function toYaml(contract: Contract): string {
  const lines = ['contract: v1'];
  if (contract.default !== undefined) lines.push(`default: ${scalar(contract.default)}`);
  lines.push('signatures:');
  const written = new Map<string, string>();
  for (const [name, signature] of Object.entries(contract.signatures)) {
    lines.push(`  ${scalar(name)}:`);
    for (const side of ['inputs', 'outputs'] as const) {
      const fields = signature[side];
      if (fields === null || fields.length === 0) {
        lines.push(`    ${side}: ${fields === null ? 'null' : '[]'}`);
        continue;
      }
      const key = `${side} ${canonicalJson(fields)}`;
      const same = written.get(key);
      if (same !== undefined) {
        lines.push(`    ${side}: ${scalar(same)}`);
        continue;
      }
      written.set(key, name);
      lines.push(`    ${side}:`, ...fields.map((field) => `      - ${flow(compact(field), scalar)}`));
    }
  }
  return `${lines.join('\n')}\n`;
}

function toJson(contract: Contract): string {
  const text = (value: string) => JSON.stringify(value);
  const sides = (signature: Signature, indent: string) =>
    (['inputs', 'outputs'] as const)
      .map((side) => {
        const fields = signature[side];
        const list = fields?.map((field) => `\n${indent}  ${flow(compact(field), text, true)}`);
        return `${indent}"${side}": ${list ? (list.length === 0 ? '[]' : `[${list.join(',')}\n${indent}]`) : 'null'}`;
      })
      .join(',\n');
  const names = Object.keys(contract.signatures);
  const only = contract.signatures['predict'];
  if (only && names.length === 1 && contract.default === undefined) return `{\n${sides(only, '  ')}\n}\n`;
  const head = contract.default === undefined ? '' : `  "default": ${text(contract.default)},\n`;
  const all = Object.entries(contract.signatures).map(
    ([name, signature]) => `    ${text(name)}: {\n${sides(signature, '      ')}\n    }`,
  );
  return `{\n  "contract": "v1",\n${head}  "signatures": {\n${all.join(',\n')}\n  }\n}\n`;
}

/** A field without what is the default; an unknown type stays visible, so that somebody fills it in. */
function compact(field: Field): Record<string, unknown> {
  const { name, labels, categories, range, optional, profile, description, ...value } = field;
  return {
    name,
    ...compactValue(value),
    ...(labels && { labels }),
    ...(categories && { categories }),
    ...(range && (range.min !== undefined || range.max !== undefined) && { range }),
    ...(optional === true && { optional }),
    ...(profile !== undefined && { profile }),
    ...(description !== undefined && description !== '' && { description }),
  };
}

function compactValue(value: ValueType): Record<string, unknown> {
  return {
    type: value.type,
    ...(value.shape && { shape: value.shape }),
    ...(value.items && { items: compactValue(value.items) }),
    ...(value.keys && { keys: value.keys }),
    ...(value.values && { values: compactValue(value.values) }),
    ...(value.fields && { fields: value.fields.map(compact) }),
  };
}

/** One line of YAML or JSON. */
function flow(value: unknown, text: (value: string) => string, json = false): string {
  if (Array.isArray(value)) return `[${value.map((item) => flow(item, text, json)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).filter(([, entry]) => entry !== undefined);
    return `{${pairs.map(([key, entry]) => `${json ? JSON.stringify(key) : key}: ${flow(entry, text, json)}`).join(', ')}}`;
  }
  return typeof value === 'string' ? text(value) : JSON.stringify(value as Label | null);
}

/** Words that some version of YAML reads as something else than text. */
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n|nan|inf)$/i;

/** A text as YAML: plain where nobody can misread it, else in double quotes with everything unprintable escaped. */
function scalar(text: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*$/.test(text) && !RESERVED.test(text)) return text;
  return JSON.stringify(text).replace(
    /[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
