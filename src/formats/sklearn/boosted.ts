import type { Label } from '../../contract/types.ts';
import { assumed, batched, derived, type Told, type ToldField, unknown } from '../told.ts';
import { classesOf } from './classes.ts';
import type { Methods } from './methods.ts';
import { at, type Obj, text } from './object.ts';

/** scikit-learn's interface of XGBoost and LightGBM (and CatBoost as far as it says something outside of its blob). */
export function boostedMethods(obj: Obj): Methods | null {
  const maker = obj.module.split('.')[0] ?? '';
  if (!['xgboost', 'lightgbm', 'catboost'].includes(maker)) return null;
  const name = (text: string) => assumed(text, 'convention');
  if (/Classifier(CV)?$/.test(obj.name)) {
    if (maker === 'catboost') return catboost(name, true);
    const found = classesOf(obj);
    const classes = found?.multi === false ? found.each[0] : undefined;
    const where = classes?.where ?? at(obj, 'classes_');
    const labels: Told<readonly Label[]> = classes?.labels ? derived(classes.labels, where) : unknown(where);
    const score = maker === 'xgboost' ? 'float32' : 'float64';
    // XGBoost's soft and hard multi-class objectives both give labels here; other objectives may not.
    const objective = text(obj, 'objective') ?? '';
    const plain =
      objective === '' || /^(binary|multi|multiclass|multiclassova|softmax|ova|ovr)/.test(objective);
    return {
      predict: [
        {
          name: name('label'),
          type: plain && classes ? classes.type : unknown('the objective decides what predict gives'),
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
    };
  }
  if (/(Regressor|Ranker)(CV)?$/.test(obj.name)) {
    if (maker === 'catboost') return catboost(name, false);
    const type = maker === 'xgboost' ? 'float32' : 'float64';
    return {
      predict: [
        {
          name: name('prediction'),
          type: assumed(type, `${maker} computes in ${type}`),
          shape: assumed(batched(), 'one target; several targets are not stored outside of the booster'),
        },
      ],
    };
  }
  return null;
}

/** CatBoost keeps everything in its own binary form inside of the pickle. */
function catboost(name: (text: string) => Told<string>, classifier: boolean): Methods {
  const field = (text: string): ToldField => ({
    name: name(text),
    type: classifier
      ? unknown("it is in CatBoost's own data")
      : assumed('float64', 'CatBoost computes in float64'),
    shape: unknown("it is in CatBoost's own data"),
  });
  return {
    predict: [field(classifier ? 'label' : 'prediction')],
    ...(classifier && {
      predict_proba: [
        {
          ...field('probabilities'),
          type: assumed('float64', 'CatBoost computes in float64'),
          shape: derived(batched(null), 'one column a class'),
        },
      ],
      predict_log_proba: [
        {
          ...field('log_probabilities'),
          type: assumed('float64', 'CatBoost computes in float64'),
          shape: derived(batched(null), 'one column a class'),
        },
      ],
    }),
  };
}
