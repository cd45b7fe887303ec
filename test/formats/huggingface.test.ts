import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, HOSTILE, inspectionOf, readingOf } from '../helpers/model-files.ts';

const bert = fixture('huggingface/bert-classification');
const config = JSON.parse(bert['config.json']?.toString() ?? '{}');
const withConfig = (changes: object) => ({
  ...bert,
  'config.json': JSON.stringify({ ...config, ...changes }),
});

test('an architecture that is in no table has parameters and labels, and no contract', async (t) => {
  const reading = await readingOf(t, withConfig({ architectures: ['ZebraForSomethingNew'] }));
  assert.equal(reading.contract, null);
  assert.ok((reading.parameters ?? 0) > 0);
  assert.ok(reading.remarks.some((remark) => remark.rule === 'contract-unknown'));
});

// Source: the `forward` of each of these classes in transformers 5.24.
test('a class that answers with something else than others of its suffix has no contract', async (t) => {
  for (const [model_type, architecture, parts] of [
    ['clap', 'ClapModel', { text_config: {}, audio_config: {} }],
    ['xclip', 'XCLIPModel', { text_config: {}, vision_config: {} }],
    ['sam', 'SamModel', { vision_config: {}, prompt_encoder_config: {} }],
    ['owlvit', 'OwlViTForObjectDetection', { text_config: {}, vision_config: {} }],
    ['vits', 'VitsModel', { vocab_size: 38 }],
  ] as const) {
    const given = JSON.stringify({ model_type, architectures: [architecture], ...parts });
    const reading = await readingOf(t, { 'config.json': given });
    assert.equal(reading.contract, null, architecture);
  }
});

test('a detector takes its queries from nobody', async (t) => {
  const detr = { model_type: 'detr', architectures: ['DetrModel'], is_encoder_decoder: true };
  const reading = await readingOf(t, { 'config.json': JSON.stringify(detr) });
  const inputs = reading.contract?.signatures['forward']?.inputs?.map((field) => field.name);
  assert.deepEqual(inputs, ['pixel_values']);
});

test('where no type is stated, weights in float32 answer in it, and those in halves may not', async (t) => {
  const typeOf = async (files: Parameters<typeof readingOf>[1]) =>
    (await readingOf(t, files)).contract?.signatures['forward']?.outputs?.[0]?.type;
  const unstated = { dtype: undefined, torch_dtype: undefined };
  assert.equal(await typeOf(withConfig(unstated)), 'float32');
  const half = fixture('huggingface/gpt2-half');
  const stated = JSON.parse(half['config.json']?.toString() ?? '{}');
  assert.equal(await typeOf({ ...half, 'config.json': JSON.stringify({ ...stated, ...unstated }) }), null);
});

test('placeholders are no labels, and their number is still known', async (t) => {
  const reading = await readingOf(t, fixture('huggingface/bert-unnamed-labels'));
  assert.equal(reading.labels, null);
  assert.deepEqual(reading.contract?.signatures['forward']?.outputs?.[0]?.shape, ['batch', 4]);
});

test('code of the directory that loading would run is for review', async (t) => {
  const inspection = await inspectionOf(t, withConfig({ auto_map: { AutoModel: 'modeling.Mine' } }));
  assert.equal(inspection.verdict, 'review');
});

for (const [path, template, verdict] of [
  ['additional_chat_templates/tools.jinja', "{{ ''.__class__ }}", 'dangerous'],
  ['chat_template.jinja', "{{ x['__cl' ~ 'ass__'] }}", 'dangerous'],
  ['chat_template.jinja', '{{ x["\\x5f\\x5fglobals\\x5f\\x5f"] }}', 'dangerous'],
  ['chat_template.jinja', '{{ x | attr(name) }}', 'review'],
  ['chat_template.jinja', "{% for m in messages %}{{ m['content'] + '__end__' }}{% endfor %}", 'clean'],
] as const)
  test(`the chat template ${template} in ${path} is ${verdict}`, async (t) => {
    const inspection = await inspectionOf(t, { ...bert, [path]: template });
    assert.equal(inspection.verdict, verdict);
  });

test('a chat template that reaches into Python is dangerous', async (t) => {
  const template = { chat_template: "{{ ''.__class__.__mro__[1].__subclasses__() }}" };
  const inspection = await inspectionOf(t, { ...bert, 'tokenizer_config.json': JSON.stringify(template) });
  assert.equal(inspection.verdict, 'dangerous');
});

test('weights that torch.save wrote are counted where there are no others', async (t) => {
  const state = Object.values(fixture('torch/tied-legacy'))[0] ?? assert.fail();
  const reading = await readingOf(t, {
    'config.json': bert['config.json'] ?? '',
    'pytorch_model.bin': state,
  });
  assert.equal(reading.parameters, 36);
  assert.equal(reading.format, 'huggingface');
});

test('pickled weights that run code are dangerous, also beside safe ones', async (t) => {
  const inspection = await inspectionOf(t, { ...bert, 'pytorch_model.bin': HOSTILE });
  assert.equal(inspection.verdict, 'dangerous');
  const training = await inspectionOf(t, { ...bert, 'training_args.bin': HOSTILE });
  assert.equal(training.verdict, 'dangerous');
});

test('weights cut short are told, and nothing is counted', async (t) => {
  const weights = bert['model.safetensors'] ?? assert.fail();
  const reading = await readingOf(t, {
    ...bert,
    'model.safetensors': weights.subarray(0, weights.length - 9),
  });
  assert.equal(reading.parameters, null);
  assert.ok(reading.remarks.some((remark) => /file-(malformed|truncated)/.test(remark.rule)));
});

test('weights of other frameworks and conversions beside them are the same model', async (t) => {
  const reading = await readingOf(t, {
    ...bert,
    'tf_model.h5': '\x89HDF\r\n\x1a\n',
    'flax_model.msgpack': '\x81',
    'model.fp16.safetensors': bert['model.safetensors'] ?? '',
    'onnx/model.onnx': fixture('onnx/linear-ir8')['model.onnx'] ?? '',
  });
  assert.equal(reading.format, 'huggingface');
  assert.equal(reading.parameters, 979);
});

test('a configuration beside an export is not a second model', async (t) => {
  const reading = await readingOf(t, {
    'config.json': bert['config.json'] ?? '',
    ...fixture('onnx/linear-ir8'),
  });
  assert.equal(reading.format, 'onnx');
});

test('a part of the weights that is missing is told, and nothing is counted', async (t) => {
  const files = fixture('huggingface/bert-sharded');
  const gone = Object.keys(files).find((name) => name.endsWith('.safetensors'));
  const reading = await readingOf(
    t,
    Object.fromEntries(Object.entries(files).filter(([name]) => name !== gone)),
  );
  assert.equal(reading.parameters, null);
  assert.ok(reading.remarks.some((remark) => remark.rule === 'file-missing'));
});

test('classes of TensorFlow and Flax have the inputs and outputs of those without the prefix', async (t) => {
  const reading = await readingOf(t, withConfig({ architectures: ['TFBertForSequenceClassification'] }));
  assert.equal(reading.contract?.signatures['forward']?.outputs?.[0]?.name, 'logits');
});

test('what quantisation keeps beside the numbers is not counted, and what is packed is', async (t) => {
  const tensors = {
    'a.qweight': { dtype: 'I32', shape: [1, 16], data_offsets: [0, 64] },
    'a.scales': { dtype: 'F16', shape: [1, 16], data_offsets: [64, 96] },
    'norm.weight': { dtype: 'F16', shape: [8], data_offsets: [96, 112] },
  };
  const header = Buffer.from(JSON.stringify(tensors));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  const reading = await readingOf(t, {
    ...withConfig({ quantization_config: { quant_method: 'gptq', bits: 4 } }),
    'model.safetensors': Buffer.concat([size, header, Buffer.alloc(112)]),
  });
  // Eight numbers of four bits in each of sixteen integers, and the norm.
  assert.equal(reading.parameters, 128 + 8);
  assert.equal(reading.properties['quantization'], 'gptq');
});

test('a config that is no JSON is a finding', async (t) => {
  const reading = await readingOf(t, { ...bert, 'config.json': '{"model_type": "bert", ' });
  assert.ok(reading.remarks.some((remark) => remark.rule === 'file-malformed'));
});
