import type { Label, ScalarType } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { assumed, derived, stated, type Told, type ToldField, unknown } from '../told.ts';
import { all, at, type Element } from '../wire/xml.ts';
import { categoriesOf, isModel, labelOf, mined, typeOf } from './fields.ts';

/** What a model is trained to tell. */
export interface Target {
  readonly name: Told<string>;
  readonly type: Told<ScalarType>;
  /** Empty unless the model tells classes. */
  readonly labels: readonly Label[];
}

/** Targets as the mining schema names them; a model without one still gives a value, which has no name. */
export function targetsOf(model: Element, data: ReadonlyMap<string, Element>): Target[] {
  const mining = mined(model, 'target', 'predicted');
  const task = model.attributes['functionName'];
  const classifies = task === 'classification';
  if (mining.length === 0) {
    if (!['classification', 'regression', 'clustering'].includes(task ?? '')) return [];
    return [
      {
        name: assumed(task === 'clustering' ? 'cluster' : 'prediction', 'the mining schema names no target'),
        type: derived(task === 'regression' ? 'float64' : 'string', `functionName = ${task}`),
        labels: classifies ? classesGiven(model, true)('', undefined) : [],
      },
    ];
  }
  const given = classesGiven(model, mining.length === 1);
  return mining.map((one) => {
    const name = one.attributes['name'] ?? '';
    const field = data.get(name);
    const stated_ = categoriesOf(field);
    const labels = stated_.length > 0 ? stated_ : given(name, field?.attributes['dataType']);
    return {
      name: stated(name, 'MiningSchema'),
      type: typeOf(field, `DataField ${name}`),
      labels: classifies ? labels : [],
    };
  });
}

/** The classes whose probabilities are given: of the only target all of them, of several those that name it. */
function classesGiven(
  model: Element,
  only: boolean,
): (target: string, dataType: string | undefined) => Label[] {
  const values = new Map<string, string[]>();
  for (const { field } of resultsOf(model)) {
    const { feature, value, targetField } = field.attributes;
    if (feature !== 'probability' || value === undefined) continue;
    const target = only ? '' : (targetField ?? '');
    const list = values.get(target) ?? [];
    list.push(value);
    values.set(target, list);
  }
  return (target, dataType) =>
    (values.get(only ? '' : target) ?? []).map((value) => labelOf(value, dataType));
}

/** The ways of putting models together where each tells results of its own. Source: PMML 4.4.1, "Multiple Models". */
const CHAINS = ['selectFirst', 'modelChain', 'x-multiModelChain'] as const;
const methodOf = (attributes: Readonly<Record<string, string>>) =>
  CHAINS.find((one) => one === attributes['multipleModelMethod']);

/** Whether the results of models inside are results of the whole. */
export const isChain = (attributes: Readonly<Record<string, string>>): boolean =>
  methodOf(attributes) !== undefined;

/** Models inside that may give the answer: of those in a row, none that is always asked is passed over. */
function modelsInside(model: Element): Element[] {
  const segmentation = at(model, 'Segmentation');
  const segments = all(segmentation, 'Segment');
  const isAlways = (segment: Element) => at(segment, 'True') !== undefined;
  const chosen = (): Element[] => {
    switch (methodOf(segmentation?.attributes ?? {})) {
      case 'selectFirst': {
        const first = segments.findIndex(isAlways);
        return first < 0 ? segments : segments.slice(0, first + 1);
      }
      case 'modelChain':
        return segments.slice(Math.max(0, segments.findLastIndex(isAlways)));
      case 'x-multiModelChain':
        return segments;
      case undefined:
        return [];
    }
  };
  return chosen().flatMap((segment) => segment.children.filter(isModel));
}

/** Output fields that are results, each with the model that gives it; those of models inside stand first. */
function resultsOf(model: Element): { readonly field: Element; readonly model: Element }[] {
  const own = all(at(model, 'Output'), 'OutputField')
    .filter((field) => field.attributes['isFinalResult'] !== 'false')
    .map((field) => ({ field, model }));
  const results = [...modelsInside(model).flatMap(resultsOf), ...own];
  return [...new Map(results.map((result) => [result.field.attributes['name'], result])).values()];
}

/** Types of results that PMML fixes. Source: PMML 4.4.1, "Output". */
const FEATURES: Readonly<Record<string, ScalarType>> = {
  probability: 'float64',
  confidence: 'float64',
  affinity: 'float64',
  entityAffinity: 'float64',
  clusterAffinity: 'float64',
  residual: 'float64',
  standardError: 'float64',
  standardDeviation: 'float64',
  entityId: 'string',
  clusterId: 'string',
  predictedDisplayValue: 'string',
  reasonCode: 'string',
  warning: 'string',
};

const featureOf = (field: Element): string => field.attributes['feature'] ?? 'predictedValue';

/** The targets whose true values are asked for, to tell how far the answer is from them. */
export function residualsOf(model: Element): Element[] {
  const residual = resultsOf(model).some(({ field }) => featureOf(field) === 'residual');
  return residual ? mined(model, 'target', 'predicted') : [];
}

/** Output fields that are results, behind the targets that none of them stands for. */
export function outputsOf(
  model: Element,
  targets: readonly Target[],
  data: ReadonlyMap<string, Element>,
): ToldField[] {
  const shape = derived(['batch'], 'one value a row');
  const labelled = (target: Target | undefined) =>
    target && target.labels.length > 0
      ? { labels: stated(target.labels, `DataField ${target.name.value}`) }
      : {};
  const told = new Set<string | null>();
  const byName = (its: readonly Target[]) => ({
    first: its[0],
    named: new Map([...its].reverse().map((one) => [one.name.value, one])),
  });
  const known = new Map([[model, byName(targets)]]);
  const targetOf = (field: Element, teller: Element): Target | undefined => {
    const its = known.get(teller) ?? byName(targetsOf(teller, data));
    known.set(teller, its);
    return its.named.get(field.attributes['targetField'] ?? null) ?? its.first;
  };
  const results = resultsOf(model).map(({ field, model: teller }): ToldField => {
    const feature = featureOf(field);
    const where = `OutputField ${field.attributes['name'] ?? ''}`;
    const target = targetOf(field, teller);
    const predicts = feature === 'predictedValue';
    if (predicts && target) told.add(target.name.value);
    const fixed = entryOf(FEATURES, feature);
    return {
      name: stated(field.attributes['name'] ?? '', where),
      type:
        field.attributes['dataType'] !== undefined
          ? typeOf(field, where)
          : predicts && target
            ? target.type
            : fixed
              ? assumed(fixed, `${where} is a ${feature}`)
              : unknown(`${where} is a ${feature} and states no type`, 'the type, such as float64'),
      shape,
      ...(predicts && labelled(target)),
    };
  });
  const own = targets
    .filter((target) => !told.has(target.name.value))
    .map((target): ToldField => ({ name: target.name, type: target.type, shape, ...labelled(target) }));
  return [...own, ...results];
}
