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
