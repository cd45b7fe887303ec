import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, readingOf } from '../helpers/model-files.ts';

/** What Xcode's compiler writes beside the program, after compiled models that Apple publishes. */
const METADATA = [
  {
    metadataOutputVersion: '3.0',
    storagePrecision: 'Float16',
    specificationVersion: 7,
    classLabels: ['cat', 'dog'],
    inputSchema: [
      { type: 'Image', name: 'image', height: '224', width: '224', colorspace: 'RGB', isColor: '1' },
      { type: 'MultiArray', name: 'mask', dataType: 'Float16', shape: '[1, 8]', isOptional: '1' },
      {
        type: 'MultiArray',
        name: 'tokens',
        dataType: 'Int32',
        shape: '[1, 1]',
        hasShapeFlexibility: '1',
        shapeRange: '[[1, 1], [1, 512]]',
      },
    ],
    outputSchema: [
      { type: 'MultiArray', name: 'scores', dataType: 'Float32', shape: '[1, 2]', isOptional: '0' },
      { type: 'Dictionary', name: 'probabilities', keyType: 'String' },
      { type: 'String', name: 'label' },
    ],
    userDefinedMetadata: { 'com.github.apple.coremltools.version': '8.1' },
  },
];

test('a compiled model is read from the description beside it', async (t) => {
  const read = await readingOf(t, {
    'net.mlmodelc/metadata.json': JSON.stringify(METADATA),
    'net.mlmodelc/coremldata.bin': Buffer.from([1, 2, 3]),
    'net.mlmodelc/model.mil': 'program(1.0) {}',
  });
  assert.equal(read.path, 'net.mlmodelc/metadata.json');
  assert.deepEqual(read.framework, { name: 'coreml', version: '8.1' });
  assert.deepEqual(read.labels, ['cat', 'dog']);
  assert.deepEqual(read.contract?.signatures['predict'], {
    inputs: [
      { name: 'image', type: 'uint8', shape: [224, 224, 3], profile: 'image' },
      { name: 'mask', type: 'float16', shape: [1, 8], optional: true },
      { name: 'tokens', type: 'int32', shape: [1, null] },
    ],
    outputs: [
      { name: 'scores', type: 'float32', shape: [1, 2] },
      {
        name: 'probabilities',
        type: 'map',
        shape: [],
        keys: 'string',
        values: { type: 'float64', shape: [] },
      },
      { name: 'label', type: 'string', shape: [] },
    ],
  });
});

test('a description without the model beside it is no model', async (t) => {
  await assert.rejects(readingOf(t, { 'metadata.json': JSON.stringify(METADATA) }), /no model/);
});

test('an output that grows with its input has the shape that the program states', async (t) => {
  const read = await readingOf(t, fixture('coreml/program-flexible'));
  const outputs = read.contract?.signatures['predict']?.outputs ?? [];
  assert.deepEqual(
    outputs.map((field) => field.shape),
    [
      [1, 2, null, null],
      [1, 2],
    ],
  );
});
