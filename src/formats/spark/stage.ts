import { list, object, text } from '../declared/documents.ts';
import { Malformed } from '../format.ts';
import { inFolder, readAll, type Store } from '../store.ts';
import { parseJsonWithNaN } from '../wire/parse-json.ts';

/** Bytes of metadata of all stages together. */
const MAX_METADATA = 8 * 1024 * 1024;
const MAX_DEPTH = 12;
const MAX_STAGES = 2000;
const MAX_PARTS = 1000;

interface Budget {
  stages: number;
  bytes: number;
}

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

/** Files that Spark writes metadata into. */
export const METADATA = /(?:^|\/)metadata\/part-[^/]*$/;

/** Reads the tree of stages at a folder. @throws Malformed when metadata is missing or damaged. */
export function readStage(store: Store, folder = ''): Stage {
  return visit(store, folder, MAX_DEPTH, { stages: MAX_STAGES, bytes: MAX_METADATA });
}

function visit(store: Store, folder: string, depth: number, budget: Budget): Stage {
  budget.stages -= 1;
  if (depth === 0 || budget.stages < 0)
    throw new Malformed(`${folder}: more than ${MAX_DEPTH} levels or ${MAX_STAGES} stages`);
  const metadata = metadataOf(store, folder, budget);
  const { class: type, paramMap, defaultParamMap, uid, sparkVersion, timestamp: _, ...extras } = metadata;
  const name = text(type);
  if (name === null) throw new Malformed(`${inFolder(folder, 'metadata')} names no class`);
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
  const folders = foldersInside(store, stage);
  return { ...stage, stages: folders.map((one) => visit(store, one, depth - 1, budget)) };
}

/** Folders of the stages inside: a pipeline's in the order of `stageUids`, a tuned or wrapped model's only one. */
function foldersInside(store: Store, stage: Stage): string[] {
  switch (stage.name) {
    case 'PipelineModel':
    case 'Pipeline': {
      const present = store.list(inFolder(stage.folder, 'stages')).folders;
      const uids = stage.params['stageUids'];
      if (!Array.isArray(uids))
        return present.toSorted(byNumber).map((one) => inFolder(stage.folder, `stages/${one}`));
      return uids.map((uid: unknown, index) => {
        const found = present.find(
          (one) => one.replace(/^\d+_/, '') === uid && Number.parseInt(one, 10) === index,
        );
        if (found === undefined) throw new Malformed(`stage ${index} ("${uid}") is not there`);
        return inFolder(stage.folder, `stages/${found}`);
      });
    }
    case 'CrossValidatorModel':
    case 'TrainValidationSplitModel':
      return [inFolder(stage.folder, 'bestModel')];
    case 'RFormulaModel':
      return [inFolder(stage.folder, 'pipelineModel')];
    case 'DistributedLDAModel':
      return stage.class.startsWith('org.apache.spark.ml.') ? [inFolder(stage.folder, 'oldModel')] : [];
    case 'OneVsRestModel':
      return [inFolder(stage.folder, 'model_0')];
    default:
      return [];
  }
}

const byNumber = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10);

/** The JSON line of a folder, put together from its parts. Most parts of a table with one row are empty. */
function metadataOf(store: Store, folder: string, budget: Budget): Record<string, unknown> {
  const where = inFolder(folder, 'metadata');
  const parts = store.list(where).files.filter((file) => file.name.startsWith('part-'));
  if (parts.length === 0) throw new Malformed(`${where} is not there`);
  budget.bytes -= parts.reduce((sum, file) => sum + file.size, 0);
  if (budget.bytes < 0 || parts.length > MAX_PARTS)
    throw new Malformed(
      `${where}: there are more than ${MAX_METADATA} bytes or ${MAX_PARTS} parts of metadata`,
    );
  const pieces = parts
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .filter((file) => file.size > 0)
    .map((file) => readAll(file, MAX_METADATA));
  try {
    // Stages that are written in Python have NaN among their parameters.
    return { ...object(parseJsonWithNaN(Buffer.concat(pieces).toString('utf8'))) };
  } catch {
    throw new Malformed(`${where} is not the JSON that Spark writes`);
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

/** Whether the stage was written by a version before that; no when it does not say. */
export function isBefore(stage: Stage, major: number, minor: number): boolean {
  const [a = 0, b = 0] = (stage.sparkVersion ?? '').split('.').map(Number);
  return a > 0 && (a < major || (a === major && b < minor));
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
