import type { Label } from '../../contract/types.ts';
import { open } from '../../model/walk.ts';
import { activeRisk, templateRemark } from '../chat-template.ts';
import { type Candidate, emptyReading, type Look, type Reading, type Remark } from '../format.ts';
import { partOf } from '../gguf.ts';
import { openCandidate } from '../open.ts';
import { assumed, derived, stated, tell } from '../told.ts';
import { ASK_FOR_CONTRACT, countParameters, precisions } from '../weights.ts';
import { type Gguf, readGguf } from '../wire/gguf.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readGgufModel(candidate: Candidate, look: Look): Promise<Reading> {
  using bytes = openCandidate(candidate, look);
  const model = readGguf(bytes);
  const remarks = damage(candidate.path, model, bytes.size);
  const tensors = [...model.tensors];
  for (const path of candidate.covers) {
    const file = look.file(path);
    if (!file) continue;
    using more = open(file);
    const part = readGguf(more);
    remarks.push(...damage(path, part, more.size));
    for (const tensor of part.tensors) tensors.push(tensor);
  }
  const total = partOf(candidate.path)?.total ?? 1;
  const there = 1 + candidate.covers.length;
  if (there === total) return readingOf(candidate, model, tensors, remarks);
  const missing: Remark = {
    rule: 'file-missing',
    level: 'error',
    file: candidate.path,
    message: `the model is in ${total} parts, and ${there} of them are here`,
    help: 'Put all parts into the directory.',
  };
  return { ...readingOf(candidate, model, tensors, [missing, ...remarks]), parameters: null };
}

/** A file that ends before its tensors do. */
function damage(file: string, model: Gguf, size: number): Remark[] {
  if (model.needs <= size) return [];
  return [
    {
      rule: 'file-truncated',
      level: 'error',
      file,
      message: `the tensors need ${model.needs} bytes and the file has ${size}`,
      help: 'The file was cut short: save or download it again and compare its size.',
    },
  ];
}

function readingOf(
  candidate: Candidate,
  model: Gguf,
  tensors: Gguf['tensors'],
  damages: readonly Remark[],
): Reading {
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
  const templates = [...model.values].filter(([name]) => /^tokenizer\.chat_template(\.|$)/.test(name));
  if (templates.length > 0) properties['chat template'] = 'yes';
  const pooling = textOf(model, `${architecture}.pooling_type`);
  const width = Number(key('embedding_length'));
  const labels = listOf(model, `${architecture}.classifier.output_labels`);
  const task =
    pooling === RANK ? 'rank' : pooling !== null || EMBEDDERS.test(architecture ?? '') ? 'embed' : 'generate';
  const answer = {
    generate: () => textField('text'),
    embed: () => numbers('embedding', width > 0 ? width : null, `${architecture}.embedding_length`),
    rank: () => numbers('scores', labels?.length ?? 1, `${architecture}.classifier.output_labels`, labels),
  }[task];
  const told = tell({ [task]: { inputs: [textField('prompt')], outputs: [answer()] } });
  const callable = isCallable(model, architecture);
  const remarks: Remark[] = [...damages];
  if (!callable)
    remarks.push({
      rule: 'contract-unknown',
      level: 'notice',
      file: candidate.path,
      message: 'the file holds weights for another model or program, and no text model that can be called',
      help: ASK_FOR_CONTRACT,
    });
  if (model.bigEndian)
    remarks.push({
      rule: 'format-unusual',
      level: 'warning',
      file: candidate.path,
      message: 'the file is big-endian; most machines cannot load it',
    });
  const active = templates.flatMap(([, value]) => templateRemark(`${value}`, candidate.path) ?? []);
  remarks.push(...active);
  return {
    ...emptyReading(candidate),
    framework: { name: 'gguf', version: String(model.version) },
    contract: callable ? told.contract : null,
    evidence: callable ? told.evidence : {},
    labels: callable && task === 'rank' ? labels : null,
    parameters: countParameters(tensors),
    properties,
    risk: activeRisk(active),
    remarks,
  };
}

/** `pooling_type` of models that score a text, or a pair of texts (llama.h, LLAMA_POOLING_TYPE_RANK). */
const RANK = '4';
/** Architectures of llama.cpp that give vectors, whether or not they say how they pool. */
const EMBEDDERS = /^(.*bert.*|t5encoder|gemma-embedding|llama-embed)$/;

/** Adapters, projectors of pictures and models of other programs than llama.cpp cannot be asked for text. */
function isCallable(model: Gguf, architecture: string | null): boolean {
  const type = textOf(model, 'general.type');
  if ((type !== null && type !== 'model') || architecture === 'clip') return false;
  return (textOf(model, 'tokenizer.ggml.model') ?? 'none') !== 'none';
}

function numbers(name: string, width: number | null, where: string, labels: readonly Label[] | null = null) {
  return {
    name: assumed(name, 'the convention of models that give no text'),
    type: assumed('float32' as const, 'ggml answers in float32'),
    shape: derived(['batch', width], where),
    ...(labels && { labels: stated(labels, where) }),
  };
}

/** A list of strings that is kept whole: vocabularies are not. */
function listOf(model: Gguf, key: string): string[] | null {
  const value = model.values.get(key);
  if (typeof value !== 'object' || value.first.length !== value.length) return null;
  const list = value.first.filter((item) => typeof item === 'string');
  return list.length > 0 && list.length === value.length ? list : null;
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
