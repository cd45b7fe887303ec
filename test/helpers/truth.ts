import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contract, Field, Shape, ValueType } from '../../src/contract/types.ts';
import type { Reading } from '../../src/formats/format.ts';
import { FORMATS } from '../../src/formats/registry.ts';

/** What a framework itself said about a model that it wrote: the truth that readings are held against. */
export interface Truth {
  readonly maker: { readonly framework: string; readonly version: string };
  readonly format: string;
  readonly framework?: { readonly name: string; readonly version: string | null };
  readonly default?: string;
  readonly features?: readonly string[];
  readonly labels?: readonly unknown[];
  readonly parameters?: number;
  readonly verdict?: string;
  /** What is absent was not asked, and is not judged. */
  readonly signatures?: Readonly<
    Record<string, { inputs?: readonly TruthField[]; outputs?: readonly TruthField[] }>
  >;
}

interface TruthField extends Partial<Omit<ValueType, 'fields'>> {
  readonly name?: string;
  readonly fields?: readonly TruthField[];
  readonly labels?: readonly unknown[];
  readonly optional?: boolean;
}

export const ASPECTS = ['names', 'types', 'shapes', 'labels', 'version', 'rest'] as const;
export type Aspect = (typeof ASPECTS)[number];

/** One compared value. */
export interface Judgement {
  readonly aspect: Aspect;
  readonly where: string;
  readonly verdict: 'right' | 'wrong' | 'unknown';
  readonly expected: unknown;
  readonly actual: unknown;
}

export interface TruthCase {
  readonly format: string;
  readonly name: string;
  /** The model directory. */
  readonly directory: string;
  readonly truth: Truth;
}

/** All cases under `root`: `<root>/<format>/<case>/{truth.json,model/}`. */
export function truthCases(root: string): TruthCase[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((format) =>
      readdirSync(join(root, format.name), { withFileTypes: true })
        .filter((entry) => existsSync(join(root, format.name, entry.name, 'truth.json')))
        .map((entry) => {
          const folder = join(root, format.name, entry.name);
          const truth: Truth = JSON.parse(readFileSync(join(folder, 'truth.json'), 'utf8'));
          return { format: format.name, name: entry.name, directory: join(folder, 'model'), truth };
        }),
    );
}

/** Holds a reading against the truth, value by value. */
export function judge(truth: Truth, reading: Reading): Judgement[] {
  const out: Judgement[] = [];
  const compare: Compare = (aspect, where, expected, actual, hold = equal) => {
    if (expected === undefined) return;
    const known = actual !== null && actual !== undefined;
    const verdict = known ? hold(expected, actual) : expected === null ? 'right' : 'unknown';
    out.push({ aspect, where, verdict, expected, actual });
  };
  compare('rest', 'format', truth.format, reading.format);
  compare('version', 'framework.name', truth.framework?.name, reading.framework?.name);
  compare('version', 'framework.version', truth.framework?.version, reading.framework?.version);
  compare('rest', 'default', truth.default, reading.contract?.default);
  compare('names', 'features', truth.features, reading.features);
  compare('labels', 'labels', truth.labels, reading.labels);
  compare('rest', 'parameters', truth.parameters, reading.parameters);
  for (const [name, signature] of Object.entries(truth.signatures ?? {})) {
    const ours = (reading.contract as Contract | null)?.signatures[name];
    for (const side of ['inputs', 'outputs'] as const) {
      const expected = signature[side];
      if (!expected) continue;
      const actual = ours?.[side] ?? null;
      compare('rest', `${name}.${side}.length`, expected.length, actual?.length ?? null);
      expected.forEach((field, index) => {
        const at = `${name}.${side}[${index}]`;
        const mine: Field | null = actual?.[index] ?? null;
        compare('names', `${at}.name`, field.name, mine?.name ?? null);
        compareValue(compare, at, field, mine);
        compare('labels', `${at}.labels`, field.labels, mine?.labels ?? null);
        if (field.optional !== undefined)
          compare('rest', `${at}.optional`, field.optional, mine?.optional ?? false);
      });
    }
  }
  return out;
}

type Hold = (expected: unknown, actual: unknown) => Judgement['verdict'];
type Compare = (aspect: Aspect, where: string, expected: unknown, actual: unknown, hold?: Hold) => void;

function compareValue(
  compare: Compare,
  at: string,
  expected: Omit<TruthField, 'name'>,
  actual: ValueType | null,
): void {
  compare('types', `${at}.type`, expected.type, actual?.type ?? null);
  compare('shapes', `${at}.shape`, expected.shape, actual?.shape ?? null, sameShape);
  compare('types', `${at}.keys`, expected.keys, actual?.keys ?? null);
  if (expected.items) compareValue(compare, `${at}.items`, expected.items, actual?.items ?? null);
  if (expected.values) compareValue(compare, `${at}.values`, expected.values, actual?.values ?? null);
  expected.fields?.forEach((field, index) => {
    const mine = actual?.fields?.[index] ?? null;
    compare('names', `${at}.fields[${index}].name`, field.name, mine?.name ?? null);
    compareValue(compare, `${at}.fields[${index}]`, field, mine);
  });
}

const equal: Hold = (a, b) => (JSON.stringify(a) === JSON.stringify(b) ? 'right' : 'wrong');

/**
 * Ranks and fixed sizes have to agree. A size that we leave open where the truth fixes one is not known; an axis
 * that varies in truth may carry any name in ours, but no size.
 */
const sameShape: Hold = (expected, actual) => {
  const truth = expected as Shape;
  const ours = actual as Shape;
  if (truth.length !== ours.length) return 'wrong';
  const contradicts = truth.some((size, axis) => typeof ours[axis] === 'number' && ours[axis] !== size);
  if (contradicts) return 'wrong';
  return truth.some((size, axis) => typeof size === 'number' && ours[axis] !== size) ? 'unknown' : 'right';
};

/** Of each format: its title, and of each aspect how many values are right of those that were asked; the wrong ones last. */
export function truthTable(judged: ReadonlyMap<string, readonly Judgement[]>): string[][] {
  return [...judged]
    .map(([format, list]) => [
      FORMATS.find((one) => one.id === format)?.title ?? format,
      ...ASPECTS.map((aspect) => share(list.filter((judgement) => judgement.aspect === aspect))),
      String(list.filter((judgement) => judgement.verdict === 'wrong').length),
    ])
    .sort(([a = ''], [b = '']) => a.localeCompare(b, 'en'));
}

function share(list: readonly Judgement[]): string {
  const of = (verdict: Judgement['verdict']) => list.filter((one) => one.verdict === verdict).length;
  if (list.length === 0) return '–';
  return `${of('right')}/${list.length}${of('unknown') > 0 ? ` (${of('unknown')} unknown)` : ''}`;
}
