import {
  type Contract,
  defaultSignature,
  type Field,
  type Label,
  type Shape,
  type ValueType,
} from '../contract/types.ts';
import { code, markdownTable, visible } from './markdown.ts';
import { headedTable, paint } from './table.ts';

const MAX_FIELDS = 60;
const MAX_LABELS = 8;

/** `[batch, 3]`, `scalar`, or `any` where the rank is not known. */
export function shapeText(shape: Shape | null): string {
  if (shape === null) return 'any';
  if (shape.length === 0) return 'scalar';
  return `[${shape.map((dimension) => dimension ?? '?').join(', ')}]`;
}

/** `float32`, `sequence<int64>`, `map<string, float32>`, `record{…}`, or `?`. */
export function typeText(value: ValueType): string {
  switch (value.type) {
    case null:
      return '?';
    case 'sequence':
      return value.items ? `sequence<${typeText(value.items)}>` : 'sequence';
    case 'map':
      return `map<${value.keys ?? '?'}, ${value.values ? typeText(value.values) : '?'}>`;
    case 'record':
      return `record{${(value.fields ?? []).map((field) => field.name).join(', ')}}`;
    default:
      return value.type;
  }
}

function labelsText(labels: readonly Label[]): string {
  const shown = labels.slice(0, MAX_LABELS).map(String).join(', ');
  return labels.length > MAX_LABELS ? `${shown}, … (${labels.length})` : shown;
}

/** What else is known about a field, in one line. */
function notes(field: Field): string {
  const parts: string[] = [];
  if (field.optional) parts.push('optional');
  if (field.labels) parts.push(`labels: ${labelsText(field.labels)}`);
  if (field.categories) parts.push(`one of: ${labelsText(field.categories)}`);
  if (field.range) parts.push(`from ${field.range.min ?? '-∞'} to ${field.range.max ?? '∞'}`);
  if (field.profile) parts.push(field.profile);
  if (field.description) parts.push(field.description);
  return parts.join('; ');
}

/**
 * Rows of a contract, the default signature first: signature, direction, name, type, shape, notes. Inputs that
 * are those of the default signature are named, not repeated: a classifier has four methods with the same ones.
 */
function contractRows(contract: Contract): { signature: string; side: 'in' | 'out'; cells: string[] }[] {
  const first = defaultSignature(contract);
  const names = Object.keys(contract.signatures).sort((a, b) => Number(b === first) - Number(a === first));
  const known = first === null ? undefined : contract.signatures[first]?.inputs;
  return names.flatMap((name) => {
    const signature = contract.signatures[name];
    return (['in', 'out'] as const).flatMap((side) => {
      const fields = side === 'in' ? signature?.inputs : signature?.outputs;
      if (fields == null) return [{ signature: name, side, cells: ['?', '?', 'not known', ''] }];
      const same = side === 'in' && name !== first && JSON.stringify(fields) === JSON.stringify(known);
      if (same && fields.length > 1) return [{ signature: name, side, cells: [`as ${first}`, '', '', ''] }];
      const rows = fields.slice(0, MAX_FIELDS).map((field) => ({
        signature: name,
        side,
        cells: [field.name, typeText(field), shapeText(field.shape), notes(field)],
      }));
      if (fields.length > MAX_FIELDS)
        rows.push({ signature: name, side, cells: [`… ${fields.length - MAX_FIELDS} more`, '', '', ''] });
      return rows;
    });
  });
}

/** A contract as a table for a terminal. */
export function contractText(contract: Contract, indent = ''): string {
  let previous = '';
  const rows = contractRows(contract).map(({ signature, side, cells }) => {
    const key = `${signature}\0${side}`;
    const repeated = key === previous;
    previous = key;
    const [name = '', type = '', shape = '', note = ''] = cells.map(visible);
    const head = repeated ? ['', ''] : [paint.bold(visible(signature)), side];
    return [...head, name, paint.cyan(type), shape, paint.dim(note)];
  });
  return headedTable(['signature', '', 'name', 'type', 'shape', ''], rows, indent);
}

/** A contract as a Markdown table. */
export function contractMarkdown(contract: Contract): string {
  const rows = contractRows(contract).map(({ signature, side, cells }) => [
    code(signature),
    side,
    ...cells.map(code),
  ]);
  return markdownTable(['Signature', 'In/out', 'Name', 'Type', 'Shape', 'Notes'], rows);
}
