import { child, entries, string } from '../wire/tree.ts';
import {
  type ExampleFeature,
  featuresOf,
  type Known,
  LISTS_AND_FUNCTIONS,
  parsesExamples,
} from './example-features.ts';
import type { GraphNode } from './graph.ts';
import { INTERNAL } from './signatures.ts';
import type { MetaGraph } from './source.ts';

const CALL = /PartitionedCall$/;
const ALIAS = /^(Identity|Reshape|Squeeze|ExpandDims|StopGradient|EnsureShape)$/;
/** Bytes that names may take, with about what V8 takes beside the characters. */
const MAX_KEPT = 4 * 1024 * 1024;
const NAME_COST = 150;
const NODE_COST = 800;

/** What is done with a tensor of strings: it is taken apart, given to a function, or passed on under another name. */
type Use = { readonly parser: GraphNode } | { readonly scope: string; readonly name: string };

/** The features of the examples that each signature takes, by signature and input. */
export function exampleFeatures(metaGraph: MetaGraph): Map<string, Map<string, ExampleFeature[]>> {
  const uses = usesOfStrings(metaGraph);
  const found = new Map<string, Map<string, GraphNode>>();
  const parsers = new Set<GraphNode>();
  for (const [key, definition] of entries(metaGraph.tree, 'signature_def')) {
    if (INTERNAL.has(key)) continue;
    const inputs = new Map<string, GraphNode>();
    for (const [input, info] of entries(definition, 'inputs')) {
      const parser = parserOf(uses, producer(string(info, 'name')));
      if (parser) parsers.add(parser);
      if (parser) inputs.set(input, parser);
    }
    found.set(key, inputs);
  }
  const constants = constantsOf(metaGraph, parsers);
  const features = new Map(
    [...parsers].map((parser) => [
      parser,
      featuresOf(parser, (input) => constants.get(place(parser.inFunction, producer(input)))),
    ]),
  );
  return new Map(
    [...found].map(([key, inputs]) => [
      key,
      new Map([...inputs].flatMap(([input, parser]) => [[input, features.get(parser) ?? []] as const])),
    ]),
  );
}

const place = (scope: string, name: string): string => `${scope}\n${name}`;
/** The node or the argument that an input is of. */
const producer = (input: string): string => input.replace(/^\^/, '').replace(/:.*$/s, '');

function usesOfStrings(metaGraph: MetaGraph): Map<string, Use[]> {
  const uses = new Map<string, Use[]>();
  const args = new Map<string, readonly string[]>();
  const calls: { scope: string; callee: string; inputs: readonly string[] }[] = [];
  let kept = 0;
  const fits = (...names: readonly string[]): boolean => {
    for (const name of names) kept += NAME_COST + name.length;
    return kept <= MAX_KEPT;
  };
  const use = (scope: string, input: string | undefined, one: Use): void => {
    if (input === undefined) return;
    const at = place(scope, producer(input));
    const list = uses.get(at);
    if (list) list.push(one);
    else uses.set(at, [one]);
  };
  metaGraph.walk(
    (node) => {
      const { inFunction: scope, inputs, operator } = node;
      if (parsesExamples(operator)) {
        kept += NODE_COST;
        if (fits(scope, ...inputs)) use(scope, inputs[0], { parser: node.kept() });
      } else if (ALIAS.test(operator) && fits(scope, node.name, inputs[0] ?? ''))
        use(scope, inputs[0], { scope, name: node.name });
      else if (CALL.test(operator) && fits(scope, ...inputs)) {
        const callee = string(child(node.attributes(LISTS_AND_FUNCTIONS).get('f'), 'func'), 'name');
        calls.push({ scope, callee, inputs: inputs.map(producer) });
      }
    },
    (name, given) => {
      if (fits(name, ...given)) args.set(name, given);
    },
  );
  for (const { scope, callee, inputs } of calls)
    for (const [index, name] of (args.get(callee) ?? []).entries())
      if (fits(scope, callee)) use(scope, inputs[index], { scope: callee, name });
  return uses;
}

/** Where the tensor with this name in the graph itself is taken apart. */
function parserOf(uses: ReadonlyMap<string, readonly Use[]>, name: string): GraphNode | null {
  const seen = new Set<string>();
  const next = [place('', name)];
  for (let at = next.pop(); at !== undefined; at = next.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    for (const use of uses.get(at) ?? []) {
      if ('parser' in use) return use.parser;
      next.push(place(use.scope, use.name));
    }
  }
  return null;
}

/**
 * The constants that these operators take: names of features, and what stands for those that are missing, which
 * TensorFlow brings into shape first.
 */
function constantsOf(metaGraph: MetaGraph, parsers: ReadonlySet<GraphNode>): Map<string, Known> {
  const wanted = new Set<string>();
  for (const { inFunction, inputs } of parsers)
    for (const input of inputs.slice(1)) wanted.add(place(inFunction, producer(input)));
  const found = new Map<string, Known>();
  const shaped = new Map<string, string>();
  const look = (names: ReadonlySet<string>): void =>
    metaGraph.walk((node) => {
      const at = place(node.inFunction, node.name);
      if (!names.has(at)) return;
      if (ALIAS.test(node.operator)) shaped.set(at, place(node.inFunction, producer(node.inputs[0] ?? '')));
      const constant = node.operator === 'Const' ? node.constant() : null;
      if (constant) found.set(at, { ...constant, texts: node.texts() ?? [] });
    });
  if (wanted.size > 0) look(wanted);
  if (shaped.size > 0) look(new Set(shaped.values()));
  for (const [at, from] of shaped) {
    const constant = found.get(from);
    if (constant) found.set(at, constant);
  }
  return found;
}
