import { readFileSync } from 'node:fs';
import type { ModelFile } from '../../model/walk.ts';
import { list, object, text } from '../declared/documents.ts';
import { type Look, Malformed } from '../format.ts';

const MAX_METADATA = 16 * 1024 * 1024;
const MAX_DEPTH = 12;
const MAX_STAGES = 2000;

/** What `metadata/part-*` of one folder says. Source: Spark, DefaultParamsWriter in ml/util/ReadWrite.scala. */
export interface Stage {
  /** Full name of the class. */
  readonly class: string;
  /** Name of the class without its package. */
  readonly name: string;
  readonly uid: string;
  readonly sparkVersion: string | null;
  /** Folder within the model directory; '' is the directory itself. */
  readonly folder: string;
  /** Set parameters over the defaults of their time. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Everything that stands beside the parameters: `numFeatures`, `numClasses`, `numTrees`, `version` … */
  readonly extras: Readonly<Record<string, unknown>>;
  /** Stages that stand inside, in the order in which they run. */
  readonly stages: readonly Stage[];
}

const join = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`);

/** Files that Spark writes metadata into. */
export const METADATA = /(?:^|\/)metadata\/part-[^/]*$/;

/** Reads the tree of stages at a folder. @throws Malformed when metadata is missing or damaged. */
export function readStage(look: Look, folder: string): Stage {
  return visit(look, folder, MAX_DEPTH, { left: MAX_STAGES });
}

function visit(look: Look, folder: string, depth: number, budget: { left: number }): Stage {
  budget.left -= 1;
  if (depth === 0 || budget.left < 0)
    throw new Malformed(`${folder}: more than ${MAX_DEPTH} levels or ${MAX_STAGES} stages`);
  const metadata = metadataOf(look, folder);
  const { class: type, paramMap, defaultParamMap, uid, sparkVersion, timestamp: _, ...extras } = metadata;
  const name = text(type);
  if (name === null) throw new Malformed(`${join(folder, 'metadata')} names no class`);
  const stage: Stage = {
    class: name,
    name: name.split('.').at(-1) ?? name,
    uid: text(uid) ?? '',
    sparkVersion: text(sparkVersion),
    folder,
    params: { ...object(defaultParamMap), ...object(paramMap) },
    extras,
    stages: [],
  };
  const folders = foldersInside(look, stage);
  return { ...stage, stages: folders.map((one) => visit(look, one, depth - 1, budget)) };
}

/** Folders of the stages inside: a pipeline's in the order of `stageUids`, a tuned or wrapped model's only one. */
function foldersInside(look: Look, stage: Stage): string[] {
  switch (stage.name) {
    case 'PipelineModel':
    case 'Pipeline': {
      const present = subfolders(look, join(stage.folder, 'stages'));
      const uids = stage.params['stageUids'];
      if (!Array.isArray(uids))
        return present.toSorted(byNumber).map((one) => join(stage.folder, `stages/${one}`));
      return uids.map((uid: unknown, index) => {
        const found = present.find(
          (one) => one.replace(/^\d+_/, '') === uid && Number.parseInt(one, 10) === index,
        );
        if (found === undefined) throw new Malformed(`stage ${index} ("${uid}") is not there`);
        return join(stage.folder, `stages/${found}`);
      });
    }
    case 'CrossValidatorModel':
    case 'TrainValidationSplitModel':
      return [join(stage.folder, 'bestModel')];
    case 'RFormulaModel':
      return [join(stage.folder, 'pipelineModel')];
    case 'OneVsRestModel':
      return [join(stage.folder, 'model_0')];
    default:
      return [];
  }
}

const byNumber = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10);

function subfolders(look: Look, folder: string): string[] {
  const names = filesIn(look, folder).map((file) => file.path.slice(folder.length + 1).split('/')[0] ?? '');
  return [...new Set(names)];
}

/** All files below a folder. */
export function filesIn(look: Look, folder: string): ModelFile[] {
  return look.directory.files.filter((file) => folder === '' || file.path.startsWith(`${folder}/`));
}

/** The JSON line of a folder, put together from its parts. Most parts of a table with one row are empty. */
function metadataOf(look: Look, folder: string): Record<string, unknown> {
  const parts = filesIn(look, join(folder, 'metadata')).filter((file) => METADATA.test(file.path));
  if (parts.length === 0) throw new Malformed(`${join(folder, 'metadata')} is not there`);
  if (parts.reduce((sum, file) => sum + file.size, 0) > MAX_METADATA)
    throw new Malformed(`${join(folder, 'metadata')} has more than ${MAX_METADATA} bytes`);
  const line = parts.map((file) => readFileSync(file.absolute, 'utf8')).join('');
  try {
    return { ...object(JSON.parse(line)) };
  } catch {
    throw new Malformed(`${join(folder, 'metadata')} is not the JSON that Spark writes`);
  }
}

/** A parameter that is text; `null` when it is not set, or set to nothing. */
export function param(stage: Stage, name: string): string | null {
  const value = text(stage.params[name]) ?? DEFAULTS[name] ?? null;
  return value === '' ? null : value;
}

/** A parameter that is a list of text; empty when it is not set. */
export function params(stage: Stage, name: string): string[] {
  return list(stage.params[name]).filter((one): one is string => typeof one === 'string');
}

/** A whole number among the parameters or beside them. */
export function count(stage: Stage, name: string): number | null {
  const value = stage.params[name] ?? stage.extras[name];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** Columns that a stage reads and writes, pair by pair, whether it has one of each or several. */
export function pairs(stage: Stage): { readonly input: string; readonly output: string }[] {
  const inputs = params(stage, 'inputCols');
  const outputs = params(stage, 'outputCols');
  if (inputs.length > 0) return inputs.map((input, index) => ({ input, output: outputs[index] ?? input }));
  const input = param(stage, 'inputCol');
  return input === null ? [] : [{ input, output: outputColumn(stage) }];
}

/** The column that a stage writes; Spark's default is made of the stage's uid. */
export const outputColumn = (stage: Stage): string => param(stage, 'outputCol') ?? `${stage.uid}__output`;

/** Spark's own names for columns, for metadata that lists no defaults. Source: ml/param/shared/sharedParams.scala. */
const DEFAULTS: Readonly<Record<string, string>> = {
  featuresCol: 'features',
  labelCol: 'label',
  predictionCol: 'prediction',
  probabilityCol: 'probability',
  rawPredictionCol: 'rawPrediction',
  topicDistributionCol: 'topicDistribution',
  userCol: 'user',
  itemCol: 'item',
  itemsCol: 'items',
};
