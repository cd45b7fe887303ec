/** A graph as the Model Optimizer of 2019 wrote it: "Intermediate Representation Notation Reference Catalog", IR version 4. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readingOf } from '../helpers/model-files.ts';

const port = (id: number, ...sizes: number[]) =>
  `<port id="${id}">${sizes.map((size) => `<dim>${size}</dim>`).join('')}</port>`;
const layer = (id: number, name: string, type: string, inputs: string, outputs: string, more = '') =>
  `<layer id="${id}" name="${name}" precision="FP16" type="${type}"><input>${inputs}</input><output>${outputs}</output>${more}</layer>`;
const edge = (from: string, to: number) => {
  const [id, out] = from.split(':');
  return `<edge from-layer="${id}" from-port="${out}" to-layer="${to}" to-port="0"/>`;
};
const GRAPH = `<?xml version="1.0" ?>
<net batch="1" name="old" version="4"><layers>
${layer(0, 'data', 'Input', '', port(0, 1, 3, 8, 8))}
${layer(1, 'conv', 'Convolution', port(0, 1, 3, 8, 8), port(3, 1, 2, 6, 6), '<blobs><weights offset="0" size="108"/><biases offset="108" size="4"/></blobs>')}
${layer(2, 'halves', 'Split', port(0, 1, 2, 6, 6), port(1, 1, 1, 6, 6) + port(2, 1, 1, 6, 6))}
${layer(3, 'prob', 'SoftMax', port(0, 1, 1, 6, 6), port(1, 1, 1, 6, 6))}
</layers><edges>${edge('0:0', 1)}${edge('1:3', 2)}${edge('2:1', 3)}</edges>
<meta_data><MO_version value="2019.1.0-178-ga427cda"/></meta_data></net>`;

test('before there were layers for results, what no layer takes is one, and weights are counted where they stand', async (t) => {
  const read = await readingOf(t, { 'model.xml': GRAPH, 'model.bin': Buffer.alloc(112) });
  assert.deepEqual(read.contract?.signatures['predict'], {
    inputs: [{ name: 'data', type: 'float16', shape: [1, 3, 8, 8] }],
    outputs: [
      { name: 'halves.1', type: 'float16', shape: [1, 1, 6, 6] },
      { name: 'prob', type: 'float16', shape: [1, 1, 6, 6] },
    ],
  });
  assert.equal(read.parameters, 56);
  assert.deepEqual(read.framework, { name: 'openvino', version: '2019.1.0' });
  assert.deepEqual(read.remarks, []);
});

test('weights of such a graph that are missing or end before it are findings', async (t) => {
  const missing = await readingOf(t, { 'model.xml': GRAPH });
  assert.equal(missing.remarks[0]?.rule, 'external-data-missing');
  const short = await readingOf(t, { 'model.xml': GRAPH, 'model.bin': Buffer.alloc(110) });
  assert.equal(short.remarks[0]?.rule, 'file-truncated');
});
