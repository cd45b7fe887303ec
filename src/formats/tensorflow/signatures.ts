import { Malformed } from '../format.ts';
import { stated, type ToldField, type ToldSignature } from '../told.ts';
import { child, children, entries, has, string, type Tree } from '../wire/tree.ts';
import { compositeSpec } from './specs.ts';
import { dataType, tensorShape } from './types.ts';

/** What TensorFlow puts in for initialization: no way to call the model. */
export const INTERNAL: ReadonlySet<string> = new Set(['__saved_model_init_op', '__saved_model_train_op']);

/** Of all signatures of a model: bounds what is said of them. */
const MAX_FIELDS = 10_000;
const MAX_CHARACTERS = 1024 * 1024;

/** The SignatureDefs of a meta graph, by key. Inputs and outputs come sorted by name, as TensorFlow orders them. */
export function declaredSignatures(metaGraph: Tree): Record<string, ToldSignature> {
  const signatures: Record<string, ToldSignature> = Object.create(null);
  let count = 0;
  let characters = 0;
  for (const [key, definition] of entries(metaGraph, 'signature_def')) {
    if (INTERNAL.has(key)) continue;
    const defaults = new Set(entries(definition, 'defaults').map(([name]) => name));
    const fields = [...children(definition, 'inputs'), ...children(definition, 'outputs')];
    count += 1 + fields.length;
    characters += key.length * (1 + fields.length);
    for (const field of fields) characters += string(field, 'key').length;
    if (count > MAX_FIELDS || characters > MAX_CHARACTERS)
      throw new Malformed(
        `the signatures have more than ${MAX_FIELDS} inputs and outputs, or names of more than ${MAX_CHARACTERS} characters`,
      );
    const side = (name: 'inputs' | 'outputs') =>
      entries(definition, name).map(([field, info]) =>
        tensorField(field, info, `signature_def["${key}"].${name}["${field}"]`, defaults.has(field)),
      );
    signatures[key] = { inputs: side('inputs'), outputs: side('outputs') };
  }
  return signatures;
}

function tensorField(name: string, info: Tree, where: string, hasDefault: boolean): ToldField {
  const composite = child(info, 'composite_tensor');
  return {
    name: stated(name, where),
    ...(composite
      ? compositeSpec(child(composite, 'type_spec'), where)
      : {
          type: dataType(info, 'dtype', `${where}.dtype`),
          shape: tensorShape(child(info, 'tensor_shape'), `${where}.tensor_shape`),
        }),
    ...(has(info, 'coo_sparse') && { description: 'a sparse tensor' }),
    ...(hasDefault && { optional: true }),
  };
}

/** Method names of the signatures by key, such as `tensorflow/serving/predict`. */
export function methodNames(metaGraph: Tree): Map<string, string> {
  return new Map(
    entries(metaGraph, 'signature_def')
      .filter(([key]) => !INTERNAL.has(key))
      .map(([key, definition]) => [key, string(definition, 'method_name')]),
  );
}

/** The tags of a meta graph, such as `serve`. */
export function tagsOf(metaGraph: Tree): string[] {
  const info = child(metaGraph, 'meta_info_def');
  return (info?.get('tags') ?? []).filter((tag) => typeof tag === 'string');
}

/** The meta graph to serve: tagged `serve` and nothing else, else tagged `serve`, else the first. */
export function servedMetaGraph<T extends { readonly tree: Tree }>(metaGraphs: readonly T[]): T | undefined {
  const serving = metaGraphs.filter(({ tree }) => tagsOf(tree).includes('serve'));
  return serving.find(({ tree }) => tagsOf(tree).length === 1) ?? serving[0] ?? metaGraphs[0];
}

/** The objects of a TensorFlow 2 model; the first is its root. */
export function objectsOf(metaGraph: Tree): Tree[] {
  return children(child(metaGraph, 'object_graph_def'), 'nodes');
}
