import type { Label } from '../../contract/types.ts';
import { type Look, Malformed, type Remark } from '../format.ts';
import { FEATURES } from './features.ts';
import { type Frame, newFrame } from './frame.ts';
import { type Footers, readColumn, readFooters } from './parquet.ts';
import { PREDICTORS } from './predictors.ts';
import { param, type Stage } from './stage.ts';
import { unknownStage } from './unknown.ts';
import type { Work } from './work.ts';

export interface Folded {
  readonly frame: Frame;
  /** The predictor that classifies, with the names of its classes where an indexer of the pipeline has them. */
  readonly labels: readonly Label[] | null;
  readonly remarks: readonly Remark[];
}

/** All stages that run on data, in order, without what only groups them. */
export function flatten(stage: Stage): Stage[] {
  const grouped = ['PipelineModel', 'Pipeline', 'CrossValidatorModel', 'TrainValidationSplitModel'];
  return grouped.includes(stage.name) ? stage.stages.flatMap(flatten) : [stage];
}

/** Sends columns through the stages, and sees which have to be there before and which are there after. */
export async function fold(root: Stage, look: Look): Promise<Folded> {
  const stages = flatten(root);
  const remarks = new Map<string, Remark>();
  const cache = new Map<string, Promise<Footers | null>>();
  const orNothing = async <T>(read: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await read;
    } catch (error) {
      if (!(error instanceof Malformed) && !(error instanceof Error && error.name === 'Truncated'))
        throw error;
      remarks.set(error.message, {
        rule: 'file-malformed',
        level: 'error',
        file: root.folder,
        message: `Spark ML: ${error.message}`,
        help: 'Save the model again with Spark; if it loads there, report this file to Lading.',
      });
      return otherwise;
    }
  };
  const work = (training: ReadonlySet<string>): Work => ({
    frame: newFrame(),
    training,
    footers(stage, table = 'data') {
      const folder = stage.folder === '' ? table : `${stage.folder}/${table}`;
      const known = cache.get(folder) ?? orNothing(readFooters(look, folder), null);
      cache.set(folder, known);
      return known;
    },
    column: (stage, name) =>
      orNothing(readColumn(look, stage.folder === '' ? 'data' : `${stage.folder}/data`, name), []),
  });
  // What a stage takes as data is no label, whatever the next one calls it: that shows in a first pass.
  const targets = new Set(
    stages.flatMap((stage) => (isSupervised(stage) ? (param(stage, 'labelCol') ?? []) : [])),
  );
  const trial = work(new Set());
  await runAll(stages, trial);
  const taken = new Set(
    [...trial.frame.made, ...trial.frame.given].flatMap((one) => (one.taken ? one.name : [])),
  );
  const training = new Set([...targets].filter((name) => !taken.has(name)));
  const final = work(training);
  await runAll(stages, final);
  final.frame.settle();
  const predictor = stages.findLast((stage) => isSupervised(stage) && PREDICTORS[stage.name]);
  const labels = predictor && final.frame.labels.get(param(predictor, 'labelCol') ?? '');
  return { frame: final.frame, labels: labels?.value ?? null, remarks: [...remarks.values()] };
}

async function runAll(stages: readonly Stage[], work: Work): Promise<void> {
  for (const stage of stages) await runStage(stage, work);
}

/** Reads one stage by its class. Stages of other packages are read by their parameters alone. */
export async function runStage(stage: Stage, work: Work): Promise<void> {
  if (stage.name === 'RFormulaModel') return runFormula(stage, work);
  const own = /^(org\.apache\.spark|pyspark)\.ml\./.test(stage.class);
  const reader = own ? (FEATURES[stage.name] ?? PREDICTORS[stage.name]) : undefined;
  await (reader ?? unknownStage)(stage, work);
}

/** A formula runs as a pipeline of its own; of its columns only the result stays. */
async function runFormula(stage: Stage, work: Work): Promise<void> {
  const before = new Set(work.frame.made);
  const label = param(stage, 'labelCol');
  const inner = stage.stages.flatMap(flatten);
  const training = new Set([...work.training, ...(label === null ? [] : [label])]);
  for (const one of inner) await runStage(one, { ...work, training });
  const result = param(stage, 'featuresCol');
  for (const column of work.frame.made)
    if (!before.has(column) && column.name !== result) column.hidden = true;
}

const isSupervised = (stage: Stage): boolean => 'labelCol' in stage.params || stage.name in PREDICTORS;
