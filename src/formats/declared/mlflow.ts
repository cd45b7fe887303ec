import { posix } from 'node:path';
import type { ScalarType, Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import {
  assumed,
  derived,
  MAX_FIELDS,
  stated,
  type ToldField,
  type ToldValue,
  tell,
  unknown,
} from '../told.ts';
import { parseJson } from '../wire/parse-json.ts';
import { type Json, list, object, readYaml, text } from './documents.ts';

/** Source: MLflow, mlflow/types/schema.py (DataType, ColSpec, TensorSpec, ParamSpec). */
const TYPES: Readonly<Record<string, ScalarType>> = {
  boolean: 'bool',
  integer: 'int32',
  long: 'int64',
  float: 'float32',
  double: 'float64',
  string: 'string',
  binary: 'bytes',
  datetime: 'datetime64',
};
const NUMPY: Readonly<Record<string, ScalarType>> = {
  bool: 'bool',
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  int64: 'int64',
  uint8: 'uint8',
  uint16: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
  float16: 'float16',
  float32: 'float32',
  float64: 'float64',
  str: 'string',
  object: 'string',
  complex64: 'complex64',
  complex128: 'complex128',
};
const MAX_DEPTH = 16;

/** MLflow's `MLmodel`: the signature that the model was logged with, as JSON texts inside YAML. */
export async function readMlflow(candidate: Candidate, look: Look): Promise<Reading> {
  const [document] = await readYaml(look, candidate.path);
  return readingOf(candidate, object(document));
}

function readingOf(candidate: Candidate, model: Json): Reading {
  const signature = object(model['signature']);
  const inputs = columns(signature['inputs'], 'inputs');
  const outputs = columns(signature['outputs'], 'outputs');
  const parameters =
    columns(signature['params'], 'params')?.map((field) => ({ ...field, optional: true })) ?? [];
  const flavors = object(model['flavors']);
  const names = Object.keys(flavors).filter((name) => name !== 'python_function');
  const properties: Record<string, string> = { flavors: Object.keys(flavors).join(', ') };
  const python = text(object(flavors['python_function'])['python_version']);
  if (python !== null) properties['python'] = python;
  // MLflow answers with scikit-learn's interface around the booster in the file.
  const wrapper = text(object(flavors['xgboost'])['model_class']);
  if (wrapper?.includes('.sklearn.')) properties['wrapper'] = wrapper;
  const base: Reading = {
    ...emptyReading(candidate),
    framework: { name: 'mlflow', version: text(model['mlflow_version']) },
    properties,
    requirements: requirementsOf(names, flavors),
    describes: modelsNamed(flavors).map((path) => posix.join(posix.dirname(candidate.path), path)),
  };
  if (!inputs && !outputs)
    return {
      ...base,
      remarks: [
        {
          rule: 'contract-unknown',
          level: 'notice',
          file: candidate.path,
          message: 'MLmodel has no signature: MLflow checks nothing of what this model is sent',
          help: 'Log the model with `signature=infer_signature(X, model.predict(X))`.',
        },
      ],
    };
  // The method of the model that MLflow's own `predict` calls.
  const named = text(object(flavors['python_function'])['predict_fn']);
  const method = named !== null && /^\w{1,64}$/.test(named) ? named : 'predict';
  const told = tell(
    {
      [method]: {
        inputs: inputs ? [...inputs, ...parameters] : unknown('signature.inputs is absent'),
        outputs: outputs ?? unknown('signature.outputs is absent'),
      },
    },
    method,
  );
  return { ...base, contract: told.contract, evidence: told.evidence };
}

/** Flavors name their file or folder under keys of their own; `python_function` repeats it under its. */
function modelsNamed(flavors: Json): string[] {
  const keys = ['model_path', 'data', 'python_model', 'pickled_model', 'model_data', 'model_binary'];
  return Object.values(flavors)
    .flatMap((flavor) => keys.map((key) => text(object(flavor)[key])))
    .filter((path): path is string => path !== null && path !== '');
}

/** The versions that flavors state: `sklearn_version`, `xgb_version` …. */
function requirementsOf(names: readonly string[], flavors: Json): Record<string, string | null> {
  const distributions: Readonly<Record<string, readonly [string, string]>> = {
    sklearn: ['scikit-learn', 'sklearn_version'],
    xgboost: ['xgboost', 'xgb_version'],
    lightgbm: ['lightgbm', 'lgb_version'],
    catboost: ['catboost', 'catboost_version'],
    pytorch: ['torch', 'pytorch_version'],
    tensorflow: ['tensorflow', 'tf_version'],
    keras: ['keras', 'keras_version'],
    onnx: ['onnx', 'onnx_version'],
    spark: ['pyspark', 'pyspark_version'],
    transformers: ['transformers', 'transformers_version'],
  };
  return Object.fromEntries(
    names.flatMap((name) => {
      const [distribution, key] = entryOf(distributions, name) ?? [];
      return distribution === undefined || key === undefined
        ? []
        : [[distribution, text(object(flavors[name])[key])]];
    }),
  );
}

/** One side of a signature; `null` when it is absent or no JSON. */
function columns(given: unknown, side: string): ToldField[] | null {
  if (typeof given !== 'string') return null;
  let parsed: unknown;
  try {
    parsed = parseJson(given);
  } catch (error) {
    if (error instanceof Malformed) throw error;
    return null;
  }
  if (!Array.isArray(parsed)) return null;
  if (parsed.length > MAX_FIELDS)
    throw new Malformed(`signature.${side} has ${parsed.length} columns; at most ${MAX_FIELDS} are read`);
  return parsed.map((column: unknown, index) =>
    fieldOf(object(column), `signature.${side}[${index}]`, index, parsed.length),
  );
}

function fieldOf(column: Json, where: string, index: number, count: number): ToldField {
  const name = text(column['name']);
  // Unnamed columns have an order only; the names are ours, and drift compares them by their place.
  const fallback = count === 1 ? (where.includes('outputs') ? 'output' : 'input') : `column_${index}`;
  const optional = column['required'] === false || column['optional'] === true;
  const isParameter = where.includes('params');
  const value =
    column['type'] === 'tensor'
      ? tensorOf(object(column['tensor-spec']), where)
      : valueFrom(column, where, isParameter ? parameterShape(column['shape']) : ['batch'], 0);
  return {
    name: name === null ? assumed(fallback, `${where} has no name`) : stated(name, `${where}.name`),
    ...value,
    ...(optional && { optional: true }),
  };
}

const parameterShape = (shape: unknown): Shape => (Array.isArray(shape) ? [null] : []);

function tensorOf(spec: Json, where: string): ToldValue {
  const type = entryOf(NUMPY, text(spec['dtype']) ?? '');
  const shape = list(spec['shape']);
  const sizes: Shape = shape.map((size, axis) =>
    typeof size === 'number' && size >= 0 ? size : axis === 0 ? 'batch' : null,
  );
  return {
    type: type ? stated(type, `${where}.tensor-spec.dtype`) : unknown(`${where} states no type`),
    shape: Array.isArray(spec['shape'])
      ? stated(sizes, `${where}.tensor-spec.shape`)
      : unknown(`${where} states no shape`),
  };
}

function valueFrom(spec: Json, where: string, shape: Shape, depth: number): ToldValue {
  const outer = derived(shape, 'one value a row');
  const inner = (value: unknown): ToldValue => valueFrom(object(value), where, [], depth + 1);
  const kind = text(spec['type']);
  if (depth > MAX_DEPTH || kind === null || kind === 'any')
    return { type: unknown(`${where} admits any type`), shape: outer };
  if (kind === 'array') return { type: stated('sequence', where), shape: outer, items: inner(spec['items']) };
  if (kind === 'map')
    return {
      type: stated('map', where),
      shape: outer,
      keys: stated('string', where),
      values: inner(spec['values']),
    };
  if (kind === 'object')
    return {
      type: stated('record', where),
      shape: outer,
      fields: Object.entries(object(spec['properties'])).map(([name, property]) => ({
        name: stated(name, where),
        ...inner(property),
        ...(object(property)['required'] === false && { optional: true }),
      })),
    };
  if (kind === 'sparkml_vector')
    return { type: stated('float64', where), shape: derived([...shape, null], 'a vector a row') };
  const type = entryOf(TYPES, kind);
  return {
    type: type ? stated(type, `${where}.type`) : unknown(`${where} has the type "${kind}"`),
    shape: outer,
  };
}
