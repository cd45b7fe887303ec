import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { field, int } from './proto.ts';
import { truthCases } from './truth.ts';
import { zipOf } from './zip.ts';

/** A small honest model, to be damaged. */
export interface Seed {
  readonly name: string;
  readonly files: readonly { readonly path: string; readonly bytes: Buffer }[];
}

const MODELS = join(import.meta.dirname, '../fixtures/models');

/** Seeds by format: the models that the tests read, and what is short enough to stand here. */
export function seedsByFormat(): Map<string, Seed[]> {
  const seeds = new Map<string, Seed[]>();
  const add = (format: string, seed: Seed): void => {
    seeds.set(format, [...(seeds.get(format) ?? []), seed]);
  };
  for (const one of truthCases(MODELS))
    add(one.format, { name: `${one.format}/${one.name}`, files: filesBelow(one.directory) });
  for (const [format, models] of Object.entries(WRITTEN))
    for (const [index, files] of models.entries())
      add(format, {
        name: `${format}/${index}`,
        files: Object.entries(files).map(([path, content]) => ({ path, bytes: Buffer.from(content) })),
      });
  return seeds;
}

function filesBelow(root: string): Seed['files'] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path: path.slice(root.length + 1), bytes: readFileSync(path) }));
}

const dims = (...sizes: number[]): Buffer => field(2, ...sizes.map((size) => field(2, int(1, size))));
const signature = Buffer.concat([
  field(1, 'infer'),
  field(2, field(1, 'x'), dims(-1, 112), int(4, 1), int(10, 2)),
  field(3, field(1, 'y'), field(3, field(1, field(1, 'z'), dims(3), int(4, 2)))),
]);

const sockets = (inputs: string[], outputs: string[]): string =>
  JSON.stringify({
    name: 'n',
    shape: {
      inputs: inputs.map((name) => ({ name, port: name })),
      outputs: outputs.map((name) => ({ name, port: name })),
    },
  });
const BUNDLE = {
  'bundle.json': JSON.stringify({ uid: 'u', name: 'b', format: 'json', version: '0.20.0' }),
  'root/model.json': JSON.stringify({
    op: 'pipeline',
    attributes: { nodes: { type: 'list', string: ['a', 'lr'] } },
  }),
  'root/node.json': sockets([], []),
  'root/a.node/model.json': JSON.stringify({
    op: 'vector_assembler',
    attributes: { input_shapes: { type: 'list', data_shape: [{ base: 'scalar' }, { base: 'scalar' }] } },
  }),
  'root/a.node/node.json': sockets(['age', 'income'], ['features']),
  'root/lr.node/model.json': JSON.stringify({
    op: 'logistic_regression',
    attributes: { num_classes: { long: 2 }, coefficients: { type: 'tensor', double: [0.5, 1] } },
  }),
  'root/lr.node/node.json': sockets(['features'], ['prediction', 'probability']),
};
const R_HEADER = Buffer.from(
  `${Buffer.from('X\n').toString('hex')}000000030004030200030500000000055554462d38`,
  'hex',
);

/** Formats without a folder of models that a framework wrote. */
const WRITTEN: Readonly<Record<string, readonly Readonly<Record<string, string | Buffer>>[]>> = {
  triton: [
    {
      'config.pbtxt': `name: "resnet"\nplatform: "onnxruntime_onnx"\nmax_batch_size: 8
input [ { name: "image" data_type: TYPE_FP32 dims: [ 3, 224, -1 ] }, { name: "mask", data_type: TYPE_BOOL, dims: [ 1 ], optional: true } ]
output [ { name: "scores" data_type: TYPE_FP16 dims: [ 2 ] label_filename: "labels.txt" } ]
parameters: { key: "a" value: { string_value: "b" } } # end\n`,
      'labels.txt': 'cat\ndog\n',
    },
  ],
  hydrosphere: [
    {
      'serving.yaml': `kind: Model\nname: titanic\nruntime: hydrosphere/serving-runtime-python-3.7:3.0.0\ncontract:\n  name: infer
  inputs:\n    pclass: {shape: scalar, type: int32, profile: categorical}\n    features: {shape: [-1, 112], type: double}
  outputs:\n    survived: {shape: scalar, type: int64, profile: numerical}\n`,
    },
    { 'contract.protobin': signature },
    { 'contract.protobin': field(2, signature) },
    {
      'contract.prototxt': `signature_name: "infer"\ninputs { name: "x" shape { dims: -1 dims: 3 } dtype: DT_FLOAT profile: IMAGE }
outputs { name: "y" subfields { data { name: "z" dtype: DT_STRING } } }\n`,
    },
  ],
  bentoml: [
    {
      'model.yaml': `name: churn\nversion: abc123\nbentoml_version: 1.2.0\nmodule: bentoml.sklearn\nsignatures:\n  predict: {batchable: true}
context:\n  framework_name: sklearn\n  framework_versions: {scikit-learn: 1.4.0}\n  python_version: 3.11.4\n`,
    },
  ],
  kitops: [
    {
      Kitfile: `manifestVersion: 1.0.0\npackage: {name: churn, version: 1.0.0, license: MIT, authors: [Ada, Grace]}
model: {name: churn, path: ./model.onnx, framework: onnx, format: onnx}\n`,
    },
  ],
  modelpack: [
    {
      Modelfile:
        'NAME churn\nARCH transformer\nFAMILY llama\nFORMAT safetensors\nPARAMSIZE 8\nMODEL \\.safetensors$\nCONFIG config.json\n',
    },
  ],
  mleap: [
    BUNDLE,
    {
      'model.zip': zipOf(
        Object.entries(BUNDLE).map(([name, text]) => ({ name, data: Buffer.from(text), deflate: true })),
      ),
    },
  ],
  r: [
    { 'model.rds': gzipSync(R_HEADER) },
    { 'model.RData': gzipSync(Buffer.concat([Buffer.from('RDX3\n'), R_HEADER])) },
    { 'model.rds': Buffer.from('A\n3\n262914\n197888\n5\nUTF-8\n') },
  ],
};
