import { assumed, unknown } from '../told.ts';
import { type Said, vectorOf } from './frame.ts';
import { pairs, param, params, type Stage } from './stage.ts';
import type { StageReader } from './work.ts';

/** A class that Lading does not know: its parameters name columns, and nothing says what is in them. */
export const unknownStage: StageReader = (stage, { frame }) => {
  const where = `${stage.class}`;
  const open: Said = { type: unknown(`${where} is no stage that Lading knows`, 'the type'), form: null };
  const features = 'featuresCol' in stage.params ? param(stage, 'featuresCol') : null;
  if (features !== null)
    frame.take(features, { ...vectorOf(), type: assumed('float64', 'features are vectors') }, where);
  for (const { input } of pairs(stage)) frame.take(input, open, where);
  for (const output of outputsOf(stage)) frame.make(output, open, where);
};

function outputsOf(stage: Stage): string[] {
  const several = params(stage, 'outputCols');
  const single = ['outputCol', 'rawPredictionCol', 'probabilityCol', 'predictionCol'].flatMap((name) =>
    name in stage.params ? (param(stage, name) ?? []) : [],
  );
  return [...new Set([...several, ...single])];
}
