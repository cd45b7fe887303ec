import type { Label } from '../../contract/types.ts';
import { assumed, batched, derived, stated, type Told, type ToldField, unknown } from '../told.ts';
import { boosterOf } from './boosters.ts';
import { classesOf } from './classes.ts';
import { at, has, type Obj, text } from './object.ts';
import type { Methods } from './outputs.ts';

/** scikit-learn's interface of XGBoost and LightGBM and CatBoost. */
export function boostedMethods(obj: Obj): Methods | null {
  const maker = obj.module.split('.')[0] ?? '';
  if (!['xgboost', 'lightgbm', 'catboost'].includes(maker)) return null;
  const name = (text: string) => assumed(text, 'convention');
  if (/Classifier(CV)?$/.test(obj.name)) {
    if (maker === 'catboost') return catboost(obj, name, true);
    const found = classesOf(obj);
    const classes = found?.multi === false ? found.each[0] : undefined;
    const where = classes?.where ?? at(obj, 'classes_');
    const labels: Told<readonly Label[]> = classes?.labels ? derived(classes.labels, where) : unknown(where);
    const score = maker === 'xgboost' ? 'float32' : 'float64';
    // XGBoost's soft and hard multi-class objectives both give labels here; other objectives may not.
    const objective = text(obj, 'objective') ?? '';
    // Several labels a row: as many trees' scores as labels, each of two classes.
    const inside = boosterOf(obj)?.contract?.signatures['predict']?.outputs?.[0]?.shape;
    const width = inside?.[1];
    if (maker === 'xgboost' && objective.startsWith('binary') && typeof width === 'number' && width > 1)
      return severalLabels(name, width);
    const plain =
      objective === '' || /^(binary|multi|multiclass|multiclassova|softmax|ova|ovr)/.test(objective);
    // Since 2.1 this objective may stay as it was asked for, and then predict passes its numbers on.
    const hard = maker === 'xgboost' && boosterOf(obj)?.properties['objective'] === 'multi:softmax';
    const type = hard ? derived('int32' as const, 'multi:softmax, as int32') : classes?.type;
    return {
      predict: [
        {
          name: name('label'),
          type: (plain && type) || unknown('the objective decides what predict gives'),
          shape: plain ? derived(batched(), 'one label a row') : unknown(`objective "${objective}"`),
          labels,
        },
      ],
      predict_proba: [
        {
          name: name('probabilities'),
          type: assumed(score, `${maker} computes in ${score}`),
          shape: derived(batched(classes?.count ?? null), `len(${where})`),
          labels,
        },
      ],
      // Raw scores came with 4.7, which also notes how it was fitted.
      ...(maker === 'lightgbm' &&
        classes &&
        has(obj, '_fitted_with_feature_names') && {
          decision_function: [rawScores(name, classes.count, where, labels)],
        }),
    };
  }
  if (maker === 'catboost' && obj.name === 'CatBoost') return rawCatboost(obj);
  if (/(Regressor|Ranker)(CV)?$/.test(obj.name)) {
    if (maker === 'catboost') return catboost(obj, name, false);
    const type = maker === 'xgboost' ? 'float32' : 'float64';
    const targets = boosterOf(obj)?.contract?.signatures['predict']?.outputs?.[0]?.shape;
    return {
      predict: [
        {
          name: name('prediction'),
          type: assumed(type, `${maker} computes in ${type}`),
          shape: targets
            ? derived(targets, 'the booster inside')
            : unknown('the booster inside was not read'),
        },
      ],
    };
  }
  return null;
}

/** One score a row for two classes, else one for each. */
function rawScores(
  name: (text: string) => Told<string>,
  count: number | null,
  where: string,
  labels: Told<readonly Label[]>,
): ToldField {
  const field = { name: name('scores'), type: assumed('float64' as const, 'lightgbm computes in float64') };
  if (count === null) return { ...field, shape: unknown(where) };
  return count === 2
    ? { ...field, shape: derived(batched(), 'one score a row for two classes') }
    : { ...field, shape: derived(batched(count), `len(${where})`), labels };
}

function severalLabels(name: (text: string) => Told<string>, width: number): Methods {
  const where = 'the targets of the booster inside';
  return {
    predict: [
      { name: name('label'), type: unknown('XGBoost does not say'), shape: derived(batched(width), where) },
    ],
    predict_proba: [
      {
        name: name('probabilities'),
        type: assumed('float32', 'xgboost computes in float32'),
        shape: derived(batched(width), where),
      },
    ],
  };
}

/** The class that the others are made from gives what the trees give, whatever the loss. */
function rawCatboost(obj: Obj): Methods {
  const where = 'the CatBoost model inside';
  const dimension = Number(boosterOf(obj)?.properties['dimension']);
  return {
    predict: [
      {
        name: assumed('prediction', 'convention'),
        type: assumed('float64', 'CatBoost computes in float64'),
        shape:
          dimension >= 1
            ? derived(dimension > 1 ? batched(dimension) : batched(), `${where}: ApproxDimension`)
            : unknown(where),
      },
    ],
  };
}

/** CatBoost keeps everything in its own binary form inside of the pickle. */
function catboost(obj: Obj, name: (text: string) => Told<string>, classifier: boolean): Methods {
  const inside = boosterOf(obj)?.contract?.signatures;
  const where = 'the CatBoost model inside';
  const outputs = (method: string): ToldField[] | null => {
    const fields = inside?.[method]?.outputs;
    if (!fields) return null;
    return fields.map((field) => ({
      name: name(field.name),
      type: field.type === null ? unknown(where) : derived(field.type, where),
      shape: field.shape === null ? unknown(where) : derived(field.shape, where),
      ...(field.labels && { labels: stated(field.labels, where) }),
    }));
  };
  const open = (text: string): ToldField[] => [
    {
      name: name(text),
      type: classifier ? unknown(where) : assumed('float64', 'CatBoost computes in float64'),
      shape: unknown(where),
    },
  ];
  const predict = outputs('predict') ?? open(classifier ? 'label' : 'prediction');
  if (!classifier) return { predict };
  const probabilities = outputs('predict_proba') ?? open('probabilities');
  return {
    predict,
    predict_proba: probabilities,
    predict_log_proba: probabilities.map((field) => ({ ...field, name: name('log_probabilities') })),
  };
}
