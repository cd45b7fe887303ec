import { posix } from 'node:path';
import type { Bytes } from '../../model/bytes.ts';
import { open } from '../../model/walk.ts';
import { watchOperators } from '../active-operators.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { FILE_NAMES } from '../tensorflow.ts';
import { type ToldSignature, tell } from '../told.ts';
import { child, children, string, type Tree } from '../wire/tree.ts';
import { parsesExamples } from './example-features.ts';
import { describeExamples, exampleNotes, NO_EXAMPLES } from './example-notes.ts';
import { functionSignatures } from './functions.ts';
import { readCheckpoint, trainableCount, watchVariables } from './parameters.ts';
import { declaredSignatures, methodNames, servedMetaGraph, tagsOf } from './signatures.ts';
import { binaryMetaGraphs, type MetaGraph, textMetaGraphs } from './source.ts';
import { hasVariables, missingWeights } from './weights.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readTensorflow(candidate: Candidate, look: Look): Promise<Reading> {
  return readSavedModel(candidate, look);
}

function readSavedModel(candidate: Candidate, look: Look): Reading {
  const at = (name: string) => look.file(posix.join(candidate.path, name));
  const file = FILE_NAMES.map(at).find((one) => one !== undefined);
  if (!file) throw new Malformed('there is no saved_model.pb');
  if (file.path.endsWith('.cpb')) return chunked(candidate, file.path);
  using bytes = open(file);
  return readMetaGraphs(bytes, candidate, file.path, look);
}

/** Reads a SavedModel file, in text where its name ends so. @throws Truncated, Malformed. */
export function readMetaGraphs(bytes: Bytes, candidate: Candidate, file: string, look: Look): Reading {
  const metaGraphs = file.endsWith('.pbtxt') ? textMetaGraphs(bytes) : binaryMetaGraphs(bytes);
  const served = servedMetaGraph(metaGraphs);
  if (!served) throw new Malformed('the file has no meta graph');
  const operators = watchOperators();
  const variables = watchVariables();
  let parses = false;
  for (const metaGraph of metaGraphs)
    metaGraph.walk((node) => {
      operators.node(node);
      if (metaGraph !== served) return;
      variables.node(node);
      parses ||= parsesExamples(node.operator);
    });
  const active = operators.result(file);
  const chosen = signaturesOf(served);
  const first = defaultOf(chosen);
  const examples = parses ? exampleNotes(served, first) : NO_EXAMPLES;
  const signatures = describeExamples(chosen, examples);
  const version = string(child(served.tree, 'meta_info_def'), 'tensorflow_version');
  const known = /^\d+(\.\d+)*/.test(version) ? version : null;
  const escapes = metaGraphs.flatMap((metaGraph) => escapingAssets(metaGraph.tree, file));
  const remarks: Remark[] = [...active.remarks, ...escapes];
  if (variables.seen() || hasVariables(served.tree))
    remarks.push(...missingWeights(candidate.path, file, look));
  const parameters = trainableCount(served.tree);
  const index = look.file(posix.join(candidate.path, 'variables/variables.index'));
  const saved = readCheckpoint(parameters === null && variables.seen() ? index : undefined, served.trainable);
  remarks.push(...saved.remarks);
  if (Object.keys(signatures).length === 0)
    remarks.push({
      rule: 'signature-missing',
      level: 'warning',
      file,
      message: 'the model has neither a signature nor a function that can be called by name',
      help: 'Pass `signatures=` to `tf.saved_model.save`, or write contract.yaml.',
    });
  const told = Object.keys(signatures).length > 0 ? tell(signatures, first) : null;
  return {
    format: 'tensorflow',
    path: candidate.path,
    framework: { name: 'tensorflow', version: version === '' ? null : version },
    contract: told?.contract ?? null,
    evidence: told?.evidence ?? {},
    features: examples.features,
    labels: null,
    parameters: parameters ?? variables.count(served.trainable, saved.checkpoint),
    properties: {
      ...propertiesOf(served, metaGraphs),
      ...examples.properties,
      ...(saved.checkpoint &&
        saved.checkpoint.total !== null && { saved_values: String(saved.checkpoint.total) }),
    },
    requirements: { tensorflow: known },
    risk: escapes.length > 0 ? 'dangerous' : active.risk,
    remarks,
  };
}

/** Assets that lie elsewhere than in the folder `assets`: the graph reads whatever is there as soon as it is loaded. */
function escapingAssets(metaGraph: Tree, file: string): Remark[] {
  const names = new Set(children(metaGraph, 'asset_file_def').map((asset) => string(asset, 'filename')));
  return [...names]
    .filter((name) => /^[/\\]|^\w+:|(?:^|[/\\])\.\.(?:[/\\]|$)/.test(name))
    .slice(0, 10)
    .map((name) => ({
      rule: 'path-escapes',
      level: 'error',
      file,
      subject: name,
      message: `the model reads the asset "${name}", which is outside of its folder`,
      help: 'Save the model again with its assets; do not load this file.',
    }));
}

/** What is declared; where nothing is, the functions of the model. */
function signaturesOf(metaGraph: MetaGraph): Record<string, ToldSignature> {
  const declared = declaredSignatures(metaGraph.tree);
  return Object.keys(declared).length > 0 ? declared : functionSignatures(metaGraph.tree);
}

function defaultOf(signatures: Readonly<Record<string, ToldSignature>>): string | undefined {
  const names = Object.keys(signatures);
  for (const name of ['serving_default', 'predict', '__call__']) if (names.includes(name)) return name;
  return names.length === 1 ? names[0] : undefined;
}

function propertiesOf(served: MetaGraph, all: readonly MetaGraph[]): Record<string, string> {
  const properties: Record<string, string> = { tags: tagsOf(served.tree).join(', ') };
  const git = string(child(served.tree, 'meta_info_def'), 'tensorflow_git_version');
  if (git !== '') properties['tensorflow_git_version'] = git;
  if (all.length > 1) properties['meta_graphs'] = all.map(({ tree }) => tagsOf(tree).join('+')).join(', ');
  for (const [key, method] of methodNames(served.tree))
    if (method !== '') properties[`method.${key}`] = method;
  return properties;
}

/**
 * With `experimental_image_format` Google's own build of TensorFlow splits a model into chunks, in a container of its
 * own. The released builds refuse that option, and load such a folder only where `saved_model.pb` is there as well.
 */
function chunked(candidate: Candidate, file: string): Reading {
  return {
    ...emptyReading(candidate),
    framework: { name: 'tensorflow', version: null },
    requirements: { tensorflow: null },
    risk: 'review',
    remarks: [
      {
        rule: 'format-unsupported',
        level: 'warning',
        file,
        message:
          'the SavedModel is split into chunks (saved_model.cpb), which released builds of TensorFlow do not load',
        help: 'Save the model without `experimental_image_format` (weights belong into variables, not into constants of the graph), or write contract.yaml.',
      },
    ],
  };
}
