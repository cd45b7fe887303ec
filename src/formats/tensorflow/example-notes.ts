import type { ToldSignature } from '../told.ts';
import { describeFeature, type ExampleFeature } from './example-features.ts';
import { exampleFeatures } from './examples.ts';
import type { MetaGraph } from './source.ts';

/** What a reading says of the examples that its signatures take apart. */
export interface ExampleNotes {
  /** Names of the features of the signature that is called by default. */
  readonly features: readonly string[] | null;
  /** `feature.<name>`, and `feature.<signature>.<name>` where two signatures differ. */
  readonly properties: Readonly<Record<string, string>>;
  /** What the inputs that are examples hold, by signature and input. */
  readonly descriptions: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export const NO_EXAMPLES: ExampleNotes = { features: null, properties: {}, descriptions: new Map() };

const MAX_PROPERTIES = 500;
const MAX_DESCRIPTION = 1000;

/** Reads which features the signatures take out of examples; those of `first` are the features of the model. */
export function exampleNotes(metaGraph: MetaGraph, first: string | undefined): ExampleNotes {
  const properties: Record<string, string> = {};
  const descriptions = new Map<string, Map<string, string>>();
  let features: string[] | null = null;
  let count = 0;
  const all = [...exampleFeatures(metaGraph)].sort(([a], [b]) => Number(b === first) - Number(a === first));
  for (const [signature, inputs] of all)
    for (const [input, list] of inputs) {
      if (list.length === 0) continue;
      if (signature === first) features = [...(features ?? []), ...list.map(({ name }) => name)];
      const described = descriptions.get(signature) ?? new Map<string, string>();
      descriptions.set(signature, described.set(input, describe(list)));
      for (const feature of list) {
        const text = describeFeature(feature);
        const key = `feature.${feature.name}`;
        const free = !Object.hasOwn(properties, key);
        if (!free && properties[key] === text) continue;
        if (++count > MAX_PROPERTIES) break;
        properties[free ? key : `feature.${signature}.${feature.name}`] = text;
      }
    }
  return { features, properties, descriptions };
}

function describe(features: readonly ExampleFeature[]): string {
  const kind = features.some(({ steps }) => steps) ? 'tf.SequenceExample' : 'tf.Example';
  const parts = features.slice(0, 50).map((feature) => `${feature.name}: ${describeFeature(feature)}`);
  const text = `serialized ${kind} with ${parts.join('; ')}`;
  return features.length > parts.length || text.length > MAX_DESCRIPTION
    ? `${text.slice(0, MAX_DESCRIPTION)} …`
    : text;
}

/** The signatures with what their examples hold. */
export function describeExamples(
  signatures: Readonly<Record<string, ToldSignature>>,
  { descriptions }: ExampleNotes,
): Readonly<Record<string, ToldSignature>> {
  if (descriptions.size === 0) return signatures;
  return Object.fromEntries(
    Object.entries(signatures).map(([key, signature]) => {
      const described = descriptions.get(key);
      if (!described || 'evidence' in signature.inputs) return [key, signature];
      const inputs = signature.inputs.map((field) => {
        const description = described.get(field.name.value ?? '');
        return description === undefined ? field : { ...field, description };
      });
      return [key, { ...signature, inputs }];
    }),
  );
}
