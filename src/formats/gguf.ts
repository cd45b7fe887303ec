import { open } from '../model/walk.ts';
import { type Candidate, emptyReading, type Format, type Reading } from './format.ts';
import { openCandidate } from './open.ts';
import { assumed, derived, tell } from './told.ts';
import { countParameters, precisions } from './weights.ts';
import { type Gguf, readGguf } from './wire/gguf.ts';

/** llama.cpp's format: weights, tokenizer and hyper-parameters in one file. */
export const gguf: Format = {
  id: 'gguf',
  title: 'GGUF',
  detect: (look) =>
    look.directory.files
      .filter((file) => Buffer.from(look.head(file).subarray(0, 4)).toString('latin1') === 'GGUF')
      // Of a model that is split into parts, the first one has the metadata.
      .filter((file, _, all) => partOf(file.path) <= 1 || !all.some((other) => partOf(other.path) === 1))
      .map(
        (file): Candidate => ({
          format: 'gguf',
          path: file.path,
          role: 'model',
          covers: look.directory.files.filter((other) => partOf(other.path) > 1).map((other) => other.path),
        }),
      ),
  async read(candidate, look) {
    using bytes = openCandidate(candidate, look);
    const model = readGguf(bytes);
    const parts: Gguf[] = [model];
    for (const path of candidate.covers) {
      const part = look.file(path);
      if (!part) continue;
      using more = open(part);
      parts.push(readGguf(more));
    }
    return readingOf(
      candidate,
      model,
      parts.flatMap((part) => part.tensors),
    );
  },
};

/** 2 for `model-00002-of-00003.gguf`; 0 for a file that is whole. */
function partOf(path: string): number {
  return Number(/-(\d{5})-of-\d{5}\.gguf$/.exec(path)?.[1] ?? 0);
}

function readingOf(candidate: Candidate, model: Gguf, tensors: Gguf['tensors']): Reading {
  const architecture = textOf(model, 'general.architecture');
  const key = (name: string) => textOf(model, `${architecture}.${name}`);
  const properties: Record<string, string> = {
    'gguf version': String(model.version),
    precision: precisions(tensors),
  };
  const keep = (label: string, text: string | null) => {
    if (text !== null && text !== '') properties[label] = text;
  };
  keep('architecture', architecture);
  keep('name', textOf(model, 'general.name'));
  keep('licence', textOf(model, 'general.license'));
  keep('context length', key('context_length'));
  keep('embedding length', key('embedding_length'));
  keep('blocks', key('block_count'));
  const vocabulary = model.values.get('tokenizer.ggml.tokens');
  if (typeof vocabulary === 'object') properties['vocabulary'] = String(vocabulary.length);
  const embeds = model.values.has(`${architecture}.pooling_type`);
  const type = textOf(model, 'general.type');
  const callable = type === null || type === 'model';
  const width = Number(key('embedding_length'));
  const told = tell({
    [embeds ? 'embed' : 'generate']: {
      inputs: [textField('prompt')],
      outputs: embeds
        ? [
            {
              name: assumed('embedding', 'the convention of embedding models'),
              type: assumed('float32', 'ggml returns embeddings as float32'),
              shape: derived(['batch', width > 0 ? width : null], `${architecture}.embedding_length`),
            },
          ]
        : [textField('text')],
    },
  });
  return {
    ...emptyReading(candidate),
    framework: { name: 'gguf', version: String(model.version) },
    contract: callable ? told.contract : null,
    evidence: callable ? told.evidence : {},
    parameters: countParameters(tensors),
    properties,
    remarks: model.bigEndian
      ? [
          {
            rule: 'format-unusual',
            level: 'warning',
            file: candidate.path,
            message: 'the file is big-endian; most machines cannot load it',
          },
        ]
      : [],
  };
}

function textField(name: string) {
  return {
    name: assumed(name, 'text models take and give text'),
    type: assumed('string' as const, 'text models take and give text'),
    shape: assumed(['batch'], 'one text a row'),
  };
}

function textOf(model: Gguf, key: string): string | null {
  const value = model.values.get(key);
  return value === undefined || typeof value === 'object' ? null : String(value);
}
