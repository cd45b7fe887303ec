import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { openCandidate } from '../open.ts';
import { plainText } from '../pmml.ts';
import { derived, stated, type ToldField, tell } from '../told.ts';
import { all, at, type Element, type Opening, readXml } from '../wire/xml.ts';
import { categoriesOf, isModel, mined, typeOf } from './fields.ts';
import { isChain, outputsOf, residualsOf, targetsOf } from './outputs.ts';

/** Up to here a document is read to its end, and so found to be well-formed. */
const SMALL = 1024 * 1024;
/** Elements that hold the model's substance and nothing of its interface: what tells of that stands before them. */
const SUBSTANCE = new Set([
  'Node',
  'RegressionTable',
  'NeuralLayer',
  'NeuralInputs',
  'SupportVectorMachine',
  'VectorDictionary',
  'TransformationDictionary',
  'LocalTransformations',
  'Cluster',
  'BayesInputs',
  'BayesOutput',
  'TrainingInstances',
  'ModelVerification',
  'PPMatrix',
  'ParamMatrix',
]);

/** A chain of models tells its results in its last ones, which may stand behind all trees of the others. */
const isSkipped = ({ name, attributes }: Opening): boolean =>
  name === 'Segmentation' ? !isChain(attributes) : SUBSTANCE.has(name);

/** Reads a candidate of this format. Loaded where there is one. */
export async function readPmml(candidate: Candidate, look: Look): Promise<Reading> {
  using bytes = openCandidate(candidate, look);
  if (bytes.size <= SMALL) return readingOf(candidate, await readXml(bytes, isSkipped));
  if (!/<\/(\w+:)?PMML\s*>/.test(plainText(bytes.read(bytes.size - 4096, 4096))))
    throw new Malformed('the document does not end: the file was probably cut short');
  return readingOf(candidate, await readXml(bytes, isSkipped, isSubstance));
}

/** Whether the model that is to be read has told its interface, and its trees or tables begin. */
const isSubstance = (opening: Opening, parent: Opening | null): boolean =>
  parent !== null && parent.depth === 1 && isModel(parent) && isSkipped(opening) && !LOCAL.has(opening.name);
const LOCAL: ReadonlySet<string> = new Set(['LocalTransformations', 'TransformationDictionary']);

function readingOf(candidate: Candidate, root: Element): Reading {
  if (root.name !== 'PMML') throw new Malformed(`the root element is "${root.name}"`);
  const data = new Map(
    all(at(root, 'DataDictionary'), 'DataField').map((field) => [field.attributes['name'] ?? '', field]),
  );
  // Of several models the first that can be asked is the one that evaluators take.
  const model =
    root.children.find(isModel) ?? root.children.find((one) => one.attributes['functionName'] !== undefined);
  if (!model) throw new Malformed('the document holds no model');
  const targets = targetsOf(model, data);
  const [target] = targets;
  const labels = targets.length === 1 ? (target?.labels ?? []) : [];
  const given = (field: Element): ToldField => inputOf(field, data.get(field.attributes['name'] ?? ''));
  const inputs = mined(model, 'active').map(given);
  // What is told of a residual is how far the answer is from the true one, which has to be brought.
  const residuals = residualsOf(model).map((field): ToldField => ({ ...given(field), optional: true }));
  const told = tell({
    predict: { inputs: [...inputs, ...residuals], outputs: outputsOf(model, targets, data) },
  });
  const application = at(root, 'Header', 'Application');
  const properties: Record<string, string> = {
    model: model.name,
    function: model.attributes['functionName'] ?? '',
  };
  if (root.attributes['version'] !== undefined) properties['pmml version'] = root.attributes['version'];
  const name = application?.attributes['name'];
  return {
    ...emptyReading(candidate),
    framework:
      name === undefined
        ? { name: 'pmml', version: root.attributes['version'] ?? null }
        : { name, version: application?.attributes['version'] ?? null },
    contract: told.contract,
    evidence: told.evidence,
    features: inputs.map((field) => field.name.value ?? ''),
    labels: labels.length > 0 ? labels : null,
    properties,
  };
}

/** What a column takes. What else than the listed values is admitted, the mining schema says. */
function inputOf(mining: Element, field: Element | undefined): ToldField {
  const name = mining.attributes['name'] ?? '';
  const where = `DataField ${name}`;
  const strict = (mining.attributes['invalidValueTreatment'] ?? 'returnInvalid') === 'returnInvalid';
  const categories = strict ? categoriesOf(field) : [];
  const interval = all(field, 'Interval');
  const [only] = interval;
  const closed = strict && only?.attributes['closure'] === 'closedClosed' && interval.length === 1;
  const bound = (key: string) =>
    closed && only?.attributes[key] !== undefined ? Number(only.attributes[key]) : undefined;
  const min = bound('leftMargin');
  const max = bound('rightMargin');
  return {
    name: stated(name, 'MiningSchema'),
    type: typeOf(field, where),
    shape: derived(['batch'], 'one value a row'),
    // A value that is missing is replaced.
    ...(mining.attributes['missingValueReplacement'] !== undefined && { optional: true }),
    ...(categories.length > 0 && { categories: stated(categories, where) }),
    ...((min !== undefined || max !== undefined) && {
      range: { ...(min !== undefined && { min }), ...(max !== undefined && { max }) },
    }),
  };
}

/** What a model is trained to tell. */
interface Target {
  readonly name: Told<string>;
  readonly type: Told<ScalarType>;
  /** Empty unless the model tells classes. */
  readonly labels: readonly Label[];
}

/** Targets as the mining schema names them; a model without one still gives a value, which has no name. */
function targetsOf(model: Element, mining: readonly Element[], data: ReadonlyMap<string, Element>): Target[] {
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

/** What the segments put out that answer for the model, and what it puts out itself. */
const outputFields = (model: Element): Element[] => [
  ...segmentOutputs(model),
  ...all(at(model, 'Output'), 'OutputField'),
];

/** The classes whose probabilities are given: of the only target all of them, of several those that name it. */
function classesGiven(
  model: Element,
  only: boolean,
): (target: string, dataType: string | undefined) => Label[] {
  const values = new Map<string, string[]>();
  for (const { attributes } of outputFields(model)) {
    if (attributes['feature'] !== 'probability' || attributes['value'] === undefined) continue;
    const target = only ? '' : (attributes['targetField'] ?? '');
    const list = values.get(target) ?? [];
    list.push(attributes['value']);
    values.set(target, list);
  }
  return (target, dataType) =>
    (values.get(only ? '' : target) ?? []).map((value) => labelOf(value, dataType));
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

/** Output fields that are results, behind the targets that none of them stands for. */
function outputsOf(model: Element, targets: readonly Target[]): ToldField[] {
  const shape = derived(['batch'], 'one value a row');
  const own = new Set(all(at(model, 'Output'), 'OutputField'));
  const fields = outputFields(model).filter((field) => field.attributes['isFinalResult'] !== 'false');
  const featureOf = (field: Element) => field.attributes['feature'] ?? 'predictedValue';
  const byName = new Map([...targets].reverse().map((one) => [one.name.value, one]));
  const targetOf = (field: Element) => byName.get(field.attributes['targetField'] ?? null) ?? targets[0];
  const labelled = (target: Target | undefined) =>
    target && target.labels.length > 0
      ? { labels: stated(target.labels, `DataField ${target.name.value}`) }
      : {};
  const told = new Set<Target | undefined>();
  const results = fields.map((field): ToldField => {
    const feature = featureOf(field);
    const where = `OutputField ${field.attributes['name'] ?? ''}`;
    const target = targetOf(field);
    const predicts = feature === 'predictedValue';
    // What a segment predicts has a name of its own beside the target that the model has.
    if (predicts && (own.has(field) || target?.name.evidence.kind === 'assumed')) told.add(target);
    const fixed = FEATURES[feature];
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
  const untold = targets
    .filter((target) => !told.has(target))
    .map((target): ToldField => ({ name: target.name, type: target.type, shape, ...labelled(target) }));
  return [...untold, ...results];
}
