import type { Label } from '../../contract/types.ts';
import { Malformed } from '../format.ts';
import { parseJson } from '../wire/parse-json.ts';

/** Each has a number in every leaf of every tree. */
const MAX_CLASSES = 100_000;

export interface Feature {
  /** Number of its column in the table that the model was trained on. */
  readonly position: number;
  /** '' where it has none. */
  readonly name: string;
  readonly kind: 'float' | 'categorical' | 'text' | 'embedding';
}

/** What either form of a model holds. */
export interface Parts {
  readonly features: readonly Feature[];
  /** Values of the model's information, where JSON may be text or parsed already. */
  info(key: string): unknown;
  /** How many numbers the trees give for a row. */
  readonly dimension: number;
}

/** What a model says about itself, whatever form it was saved in. */
export interface Model {
  readonly features: readonly Feature[];
  readonly labels: readonly Label[] | null;
  /** `Integer`, `Float`, `String` or `Boolean`, where stated. */
  readonly labelType: string | null;
  readonly loss: string | null;
  readonly dimension: number;
  /** `null` in wheels that were built from a branch and not from a release's tag. */
  readonly version: string | null;
}

export function describeParts(parts: Parts): Model {
  const classes = object(parts.info('class_params'));
  const { type } = object(object(parts.info('params'))['loss_function']);
  const loss = typeof type === 'string' ? type : null;
  const labelType = classes['class_label_type'];
  return {
    features: parts.features.toSorted((a, b) => a.position - b.position),
    labels: labelsOf(classes['class_names'], loss),
    labelType: typeof labelType === 'string' ? labelType : null,
    loss,
    dimension: parts.dimension,
    version:
      /Branch: tags\/v(\d+\.\d+(?:\.\d+)*)/.exec(String(parts.info('catboost_version_info') ?? ''))?.[1] ??
      null,
  };
}

/** Probabilities as targets leave no names of classes, and there are two of them. */
function labelsOf(names: unknown, loss: string | null): Label[] | null {
  if (Array.isArray(names) && names.length > MAX_CLASSES)
    throw new Malformed(`the model has ${names.length} classes; at most ${MAX_CLASSES} are read`);
  if (Array.isArray(names) && names.length > 0)
    return names.filter((name): name is Label => ['string', 'number', 'boolean'].includes(typeof name));
  return loss === 'CrossEntropy' ? [0, 1] : null;
}

/** An object, which may be text that has to be parsed first; empty for everything else. */
function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  if (typeof value !== 'string') return {};
  try {
    const parsed: unknown = parseJson(value);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch (error) {
    if (error instanceof Malformed) throw error;
    return {};
  }
}
