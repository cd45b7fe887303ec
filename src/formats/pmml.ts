import type { Label, ScalarType } from '../contract/types.ts';
import { type Candidate, emptyReading, type Format, Malformed, type Reading } from './format.ts';
import { openCandidate } from './open.ts';
import { assumed, derived, stated, type Told, type ToldField, tell } from './told.ts';
import { all, at, type Element, readXml } from './wire/xml.ts';

/** What PMML's data types are (PMML 4.4.1, DataDictionary); dates travel as text. */
const TYPES: Readonly<Record<string, ScalarType>> = {
  string: 'string',
  integer: 'int64',
  float: 'float32',
  double: 'float64',
  boolean: 'bool',
  date: 'string',
  time: 'string',
  dateTime: 'string',
};
/** Elements that hold the model's substance and nothing of its interface. */
const SKIPPED = new Set([
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

/** PMML documents: their interface is declared in full. Source: dmg.org, PMML 4.4.1. */
export const pmml: Format = {
  id: 'pmml',
  title: 'PMML',
  detect: (look) =>
    look.directory.files
      .filter((file) => /<(\w+:)?PMML[\s>]/.test(Buffer.from(look.head(file)).toString('latin1')))
      .map((file): Candidate => ({ format: 'pmml', path: file.path, role: 'model', covers: [] })),
  async read(candidate, look) {
    using bytes = openCandidate(candidate, look);
    return readingOf(candidate, await readXml(bytes, SKIPPED));
  },
};

function readingOf(candidate: Candidate, root: Element): Reading {
  if (root.name !== 'PMML') throw new Malformed(`the root element is "${root.name}"`);
  const data = new Map(
    all(at(root, 'DataDictionary'), 'DataField').map((field) => [field.attributes['name'] ?? '', field]),
  );
  const model = root.children.find((one) => one.attributes['functionName'] !== undefined);
  if (!model) throw new Malformed('the document holds no model');
  const mining = all(at(model, 'MiningSchema'), 'MiningField');
  const usage = (field: Element) => field.attributes['usageType'] ?? 'active';
  const target = mining.find((field) => ['target', 'predicted'].includes(usage(field)))?.attributes['name'];
  const labels = target === undefined ? [] : categoriesOf(data.get(target));
  const inputs = mining
    .filter((field) => usage(field) === 'active')
    .map((field) => inputOf(field.attributes['name'] ?? '', data.get(field.attributes['name'] ?? '')));
  const told = tell({ predict: { inputs, outputs: outputsOf(model, target, data, labels) } });
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

/** The values that a field admits, those for missing and invalid ones left out. */
function categoriesOf(field: Element | undefined): Label[] {
  const numeric = ['integer', 'float', 'double'].includes(field?.attributes['dataType'] ?? '');
  return all(field, 'Value')
    .filter((value) => (value.attributes['property'] ?? 'valid') === 'valid')
    .map((value) => value.attributes['value'] ?? '')
    .map((value) => (numeric && value !== '' && Number.isFinite(Number(value)) ? Number(value) : value));
}

function typeOf(dataType: string | undefined, where: string): Told<ScalarType> {
  const type = TYPES[dataType ?? ''];
  return type
    ? stated(type, where)
    : assumed('string', `${where}: the type "${dataType ?? ''}" is not PMML's`);
}

function inputOf(name: string, field: Element | undefined): ToldField {
  const where = `DataField ${name}`;
  const categories = categoriesOf(field);
  const interval = all(field, 'Interval');
  const [only] = interval;
  const closed = only?.attributes['closure'] === 'closedClosed' && interval.length === 1;
  const bound = (key: string) =>
    closed && only?.attributes[key] !== undefined ? Number(only.attributes[key]) : undefined;
  const min = bound('leftMargin');
  const max = bound('rightMargin');
  return {
    name: stated(name, 'MiningSchema'),
    type: typeOf(field?.attributes['dataType'], `${where}@dataType`),
    shape: derived(['batch'], 'one value a row'),
    ...(categories.length > 0 && { categories: stated(categories, where) }),
    ...((min !== undefined || max !== undefined) && {
      range: { ...(min !== undefined && { min }), ...(max !== undefined && { max }) },
    }),
  };
}

/** Output fields that are results; where there are none, the target itself is the output. */
function outputsOf(
  model: Element,
  target: string | undefined,
  data: ReadonlyMap<string, Element>,
  labels: readonly Label[],
): ToldField[] {
  const shape = derived(['batch'], 'one value a row');
  const fields = all(at(model, 'Output'), 'OutputField').filter(
    (field) => field.attributes['isFinalResult'] !== 'false',
  );
  const targetType = typeOf(
    data.get(target ?? '')?.attributes['dataType'],
    `DataField ${target ?? ''}@dataType`,
  );
  const withLabels = labels.length > 0 ? { labels: stated(labels, `DataField ${target ?? ''}`) } : {};
  const classifies = model.attributes['functionName'] === 'classification';
  const results = fields.map((field): ToldField => {
    const feature = field.attributes['feature'] ?? 'predictedValue';
    const where = `OutputField ${field.attributes['name'] ?? ''}`;
    return {
      name: stated(field.attributes['name'] ?? '', where),
      type:
        field.attributes['dataType'] !== undefined
          ? typeOf(field.attributes['dataType'], `${where}@dataType`)
          : feature === 'predictedValue'
            ? targetType
            : assumed('float64', `${where} is a ${feature}`),
      shape,
      ...(feature === 'predictedValue' && classifies && withLabels),
    };
  });
  const states = fields.some(
    (field) => (field.attributes['feature'] ?? 'predictedValue') === 'predictedValue',
  );
  if (target === undefined || states) return results;
  const own: ToldField = {
    name: stated(target, 'MiningSchema'),
    type: targetType,
    shape,
    ...(classifies && withLabels),
  };
  return [own, ...results];
}
