import {
  FIELD_KEYS,
  isLabelValue,
  isProfile,
  isText,
  TYPE_HINTS,
  TYPES,
  VALUE_KEYS,
} from './decode-words.ts';
import { isContainer } from './labels.ts';
import { describe, INTEGERS, scalarProblem } from './scalars.ts';
import { pointerKey } from './source.ts';
import {
  type Contract,
  type Dimension,
  type Field,
  type Label,
  PROFILES,
  type ScalarType,
  type Shape,
  type Signature,
  type TypeName,
  type ValueType,
} from './types.ts';

/** Something in a contract's text that is not as it has to be. */
export interface Problem {
  /** JSON Pointer into the text as it was written. */
  readonly pointer: string;
  /** `warning`: it has no effect. Everything else is an error. */
  readonly level: 'error' | 'warning';
  readonly message: string;
  readonly help?: string;
}

/** Deepest nesting of containers. */
const MAX_DEPTH = 16;

type Data = Readonly<Record<string, unknown>>;

/**
 * Reads a contract out of plain data: `contract.yaml`, `signature.json` with or without `signatures`, or what a
 * registry or ledger gave. Problems are collected; what is wrong is left out of the contract or unknown in it.
 * `schemas/contract-file.json` says the same for other programs.
 */
export function decodeContract(value: unknown): { contract: Contract; problems: readonly Problem[] } {
  const reader = new Reader();
  return { contract: reader.contract(value), problems: reader.problems };
}

class Reader {
  readonly problems: Problem[] = [];

  contract(value: unknown): Contract {
    const empty: Contract = { contract: 'v1', signatures: {} };
    const data = this.object(value, '', 'the contract');
    if (!data) return empty;
    if (data['contract'] !== undefined && data['contract'] !== 'v1')
      this.wrong(
        '/contract',
        `the contract is of version ${describe(data['contract'])}`,
        'Write `contract: v1`.',
      );
    if (!('signatures' in data) && ('inputs' in data || 'outputs' in data)) {
      this.keys(data, '', ['contract', 'inputs', 'outputs']);
      return { contract: 'v1', signatures: { predict: this.sides(data, '', new Map()) } };
    }
    this.keys(data, '', ['contract', 'default', 'signatures']);
    const signatures = this.object(data['signatures'], '/signatures', '`signatures`');
    if (!signatures) return empty;
    const sources = new Map<string, Data>();
    for (const [name, body] of Object.entries(signatures)) {
      const pointer = `/signatures/${pointerKey(name)}`;
      if (name === '')
        this.wrong(pointer, 'a signature has an empty name', 'Give it a name, such as `predict`.');
      const source = this.object(body, pointer, 'a signature');
      if (!source) continue;
      this.keys(source, pointer, ['inputs', 'outputs']);
      sources.set(name, source);
    }
    if (sources.size === 0)
      this.wrong('/signatures', 'there is no signature', 'Describe at least one, such as `predict`.');
    const read = [...sources].map(
      ([name, source]) => [name, this.sides(source, `/signatures/${pointerKey(name)}`, sources)] as const,
    );
    const first = data['default'];
    const known = typeof first === 'string' && sources.has(first);
    if (first !== undefined && !known)
      this.wrong(
        '/default',
        `the default signature ${describe(first)} does not exist`,
        `Name one of: ${[...sources.keys()].join(', ')}.`,
      );
    return { contract: 'v1', ...(known && { default: first }), signatures: Object.fromEntries(read) };
  }

  sides(source: Data, pointer: string, all: ReadonlyMap<string, Data>): Signature {
    return {
      inputs: this.side(source, 'inputs', pointer, all),
      outputs: this.side(source, 'outputs', pointer, all),
    };
  }

  side(source: Data, key: 'inputs' | 'outputs', pointer: string, all: ReadonlyMap<string, Data>) {
    const here = `${pointer}/${key}`;
    let from = source;
    let at = here;
    // `inputs: predict` means the same inputs as that signature; following it ends after as many steps as there are.
    for (let steps = 0; typeof from[key] === 'string'; steps++) {
      const name = String(from[key]);
      const target = all.get(name);
      if (!target || steps >= all.size) {
        this.wrong(
          here,
          target
            ? `\`${key}\` refers to itself through ${describe(name)}`
            : `there is no signature ${describe(name)}`,
          `Write the list of ${key}, or the name of a signature that has one.`,
        );
        return null;
      }
      from = target;
      at = `/signatures/${pointerKey(name)}/${key}`;
    }
    const list = from[key];
    if (list === undefined || list === null) return null;
    // A list that another signature refers to is reported where it stands, once.
    const reader = at === here ? this : new Reader();
    return reader.fields(list, at, key === 'inputs', 0);
  }

  fields(value: unknown, pointer: string, input: boolean, depth: number): Field[] {
    if (!Array.isArray(value)) {
      this.wrong(
        pointer,
        `${describe(value)} stands where a list of fields should`,
        'Write a list of `{name: …, type: …}`.',
      );
      return [];
    }
    const seen = new Set<string>();
    return value.flatMap((entry, index) => {
      const field = this.field(entry, `${pointer}/${index}`, input, depth);
      if (!field) return [];
      if (seen.has(field.name)) {
        this.wrong(
          `${pointer}/${index}/name`,
          `the name ${describe(field.name)} is there twice`,
          'Remove or rename one.',
        );
        return [];
      }
      seen.add(field.name);
      return [field];
    });
  }

  field(value: unknown, pointer: string, input: boolean, depth: number): Field | null {
    const data = this.object(value, pointer, 'a field');
    if (!data) return null;
    const name = data['name'];
    if (typeof name !== 'string' || name === '') {
      const number = typeof name === 'number';
      this.wrong(
        name === undefined ? pointer : `${pointer}/name`,
        name === undefined ? 'a field has no name' : `the name ${describe(name)} is no text`,
        number ? `Quote it: "${name}".` : 'Give the field a name, such as `alcohol`.',
      );
      return null;
    }
    this.keys(data, pointer, FIELD_KEYS);
    const base = this.value(data, pointer, input, depth);
    const labels = this.labels(data['labels'], `${pointer}/labels`);
    const categories = this.labels(data['categories'], `${pointer}/categories`);
    if (labels && input)
      this.without(
        `${pointer}/labels`,
        'labels belong to outputs',
        'Write `categories` for the values that an input admits.',
      );
    if (categories && !input)
      this.without(
        `${pointer}/categories`,
        'categories belong to inputs',
        'Write `labels` for the values of an output.',
      );
    if (categories && new Set(categories).size < categories.length)
      this.wrong(`${pointer}/categories`, 'a category is there twice', 'Remove one.');
    this.fitting(categories, `${pointer}/categories`, base.type);
    const range = this.range(data['range'], `${pointer}/range`, base.type);
    return {
      name,
      ...base,
      ...(labels && { labels }),
      ...(categories && { categories }),
      ...(range && { range }),
      ...this.optionalKey(
        data,
        pointer,
        'optional',
        (v): v is boolean => typeof v === 'boolean',
        'Write true or false.',
      ),
      ...this.optionalKey(data, pointer, 'profile', isProfile, `Known are: ${PROFILES.join(', ')}.`),
      ...this.optionalKey(data, pointer, 'description', isText, 'Write a text.'),
    };
  }

  value(data: Data, pointer: string, input: boolean, depth: number): ValueType {
    const type = this.type(data['type'], `${pointer}/type`);
    const shape = this.shape(data['shape'], `${pointer}/shape`);
    const only = (key: string, container: TypeName): boolean => {
      if (data[key] === undefined) return false;
      if (type === container)
        return depth < MAX_DEPTH || this.wrong(pointer, `containers are nested deeper than ${MAX_DEPTH}`);
      return this.wrong(
        `${pointer}/${key}`,
        `\`${key}\` belongs to the type ${container}`,
        `Remove it, or write \`type: ${container}\`.`,
      );
    };
    const inner = (key: string): ValueType => {
      const nested = this.object(data[key], `${pointer}/${key}`, `\`${key}\``);
      if (!nested) return { type: null, shape: null };
      this.keys(nested, `${pointer}/${key}`, VALUE_KEYS);
      return this.value(nested, `${pointer}/${key}`, input, depth + 1);
    };
    const keys = only('keys', 'map') ? this.type(data['keys'], `${pointer}/keys`) : null;
    if (keys !== null && isContainer(keys))
      this.wrong(
        `${pointer}/keys`,
        `the keys of a map are no ${keys}`,
        'Write a scalar type, such as `string`.',
      );
    return {
      type,
      shape,
      ...(only('items', 'sequence') && { items: inner('items') }),
      ...(keys !== null && !isContainer(keys) && { keys }),
      ...(only('values', 'map') && { values: inner('values') }),
      ...(only('fields', 'record') && {
        fields: this.fields(data['fields'], `${pointer}/fields`, input, depth + 1),
      }),
    };
  }

  type(value: unknown, pointer: string): TypeName | null {
    if (value === undefined || value === null) return null;
    if (typeof value === 'string' && TYPES.has(value)) return value as TypeName;
    const hint =
      typeof value === 'string'
        ? TYPE_HINTS.get(value.toLowerCase().replace(/^dt_|tensor\(|\)$/g, ''))
        : undefined;
    this.wrong(
      pointer,
      `${describe(value)} is no type`,
      hint === undefined ? `Types are: ${[...TYPES].join(', ')}.` : `Write \`${hint}\`.`,
    );
    return null;
  }

  shape(value: unknown, pointer: string): Shape | null {
    if (value === undefined || value === null) return null;
    if (!Array.isArray(value)) {
      this.wrong(
        pointer,
        `the shape ${describe(value)} is no list`,
        'Write a list, such as `[batch, 4]`; `[]` is a scalar.',
      );
      return null;
    }
    let good = true;
    const shape = value.map((dimension: unknown, axis): Dimension => {
      if (dimension === null) return null;
      if (typeof dimension === 'string' && dimension !== '') return dimension;
      if (typeof dimension === 'number' && Number.isSafeInteger(dimension) && dimension >= 0)
        return dimension;
      good = this.wrong(
        `${pointer}/${axis}`,
        `${describe(dimension)} is no size of an axis`,
        dimension === -1
          ? 'Write `null` for any size, or a name.'
          : 'Write a whole number, a name, or `null` for any size.',
      );
      return null;
    });
    return good ? shape : null;
  }

  labels(value: unknown, pointer: string): readonly Label[] | null {
    if (value === undefined || value === null) return null;
    if (!Array.isArray(value) || value.length === 0) {
      this.wrong(pointer, `${describe(value)} is no list of values`, 'Write a list, or leave it out.');
      return null;
    }
    const bad = value.findIndex((label) => !isLabelValue(label));
    if (bad === -1) return value;
    this.wrong(
      `${pointer}/${bad}`,
      `${describe(value[bad])} is neither text, number nor boolean`,
      'Write a plain value.',
    );
    return null;
  }

  /** Categories that the type does not admit are none: nothing would ever be admitted by them. */
  fitting(categories: readonly Label[] | null, pointer: string, type: TypeName | null): void {
    if (!categories || type === null) return;
    const bad = categories.findIndex((label) => isContainer(type) || scalarProblem(type, label) !== null);
    if (bad !== -1)
      this.without(
        `${pointer}/${bad}`,
        `the category ${describe(categories[bad])} is no ${type}`,
        'Write values of the type of the input.',
      );
  }

  range(value: unknown, pointer: string, type: TypeName | null): { min?: number; max?: number } | null {
    if (value === undefined || value === null) return null;
    const data = this.object(value, pointer, '`range`');
    if (!data) return null;
    this.keys(data, pointer, ['min', 'max']);
    const end = (key: 'min' | 'max') => {
      const number = data[key];
      if (number === undefined || number === null) return {};
      if (typeof number === 'number' && Number.isFinite(number)) return { [key]: number };
      this.wrong(`${pointer}/${key}`, `${describe(number)} is no number`, 'Write a number, or leave it out.');
      return {};
    };
    const range: { min?: number; max?: number } = { ...end('min'), ...end('max') };
    if (range.min !== undefined && range.max !== undefined && range.min > range.max)
      this.wrong(pointer, `the range from ${range.min} to ${range.max} is empty`, 'Swap `min` and `max`.');
    if (type !== null && !INTEGERS.has(type as ScalarType) && !/float/.test(type))
      this.without(pointer, `a range does not limit the type ${type}`, 'Remove it.');
    return Object.keys(range).length === 0 ? null : range;
  }

  optionalKey<K extends string, T>(
    data: Data,
    pointer: string,
    key: K,
    is: (v: unknown) => v is T,
    help: string,
  ) {
    const value = data[key];
    if (value === undefined || value === null) return {} as { [P in K]?: T };
    if (is(value)) return { [key]: value } as { [P in K]?: T };
    this.wrong(`${pointer}/${key}`, `${describe(value)} is no value for \`${key}\``, help);
    return {} as { [P in K]?: T };
  }

  object(value: unknown, pointer: string, what: string): Data | null {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Data;
    this.wrong(pointer, `${what} is ${describe(value)}, not a mapping`, 'See the example in the README.');
    return null;
  }

  keys(data: Data, pointer: string, known: readonly string[]): void {
    for (const key of Object.keys(data))
      if (!known.includes(key))
        this.wrong(
          `${pointer}/${pointerKey(key)}`,
          `${describe(key)} has no meaning here`,
          key === 'dtype' && known.includes('type') ? 'Write `type`.' : `Known are: ${known.join(', ')}.`,
        );
  }

  wrong(pointer: string, message: string, help?: string): false {
    this.problems.push({ pointer, level: 'error', message, ...(help !== undefined && { help }) });
    return false;
  }

  without(pointer: string, message: string, help: string): void {
    this.problems.push({ pointer, level: 'warning', message, help });
  }
}
