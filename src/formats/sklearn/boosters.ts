import type { Label } from '../../contract/types.ts';
import { inMemory, Truncated } from '../../model/bytes.ts';
import { catboostInMemory } from '../catboost/read.ts';
import { type Candidate, Malformed, type Reading } from '../format.ts';
import { lightgbmInMemory } from '../lightgbm/read.ts';
import { attribute, bytesOf } from '../wire/pickle/numpy.ts';
import { is, type Value } from '../wire/pickle/values.ts';
import { type Beside, boosterInMemory, snapshotInMemory } from '../xgboost/read.ts';
import { child, itemsOf, namesOf, type Obj } from './object.ts';

const known = new WeakMap<object, { readonly reading: Reading | null }>();

/** What the model of XGBoost, LightGBM or CatBoost inside of their scikit-learn objects says; `null` if nothing. */
export function boosterOf(obj: Obj): Reading | null {
  const maker = obj.module.split('.')[0] ?? '';
  if (typeof obj.value !== 'object' || obj.value === null) return null;
  const before = known.get(obj.value);
  if (before) return before.reading;
  const reading = attempt(() => readInner(obj, maker));
  known.set(obj.value, { reading });
  return reading;
}

function attempt(body: () => Reading | null): Reading | null {
  try {
    return body();
  } catch (error) {
    // The data is in a form of its own that changes by version: what cannot be read is not known.
    if (error instanceof Malformed || error instanceof Truncated) return null;
    throw error;
  }
}

function readInner(obj: Obj, maker: string): Reading | null {
  const candidate: Candidate = { format: maker, path: '', role: 'model', covers: [] };
  if (maker === 'catboost') {
    const model = attribute(obj.value, '__model');
    const bytes = bytesOf(model);
    return bytes ? catboostInMemory(candidate, inMemory(bytes)) : null;
  }
  if (maker !== 'xgboost' && maker !== 'lightgbm') return null;
  const booster = obj.name === 'Booster' ? obj : child(obj, '_Booster');
  if (!booster) return null;
  const handle = attribute(booster.value, 'handle') ?? attribute(booster.value, '_handle');
  const bytes = handleBytes(handle);
  if (!bytes) return null;
  if (maker === 'lightgbm') return lightgbmInMemory(candidate, bytes, categoriesBeside(booster));
  const texts = (name: string): string[] => namesOf(attribute(booster.value, name)) ?? [];
  const names = texts('feature_names');
  return boosterReading(candidate, bytes, { names, types: texts('feature_types') });
}

/** The model behind the memory snapshot: since 1.1 a document with `Config` and `Model`. */
function boosterReading(candidate: Candidate, bytes: Uint8Array, beside: Beside): Reading | null {
  const head = Buffer.from(bytes.subarray(0, 32)).toString('latin1');
  if (head.startsWith('CONFIG-offset:')) {
    const offset = Number(Buffer.from(bytes.subarray(14, 22)).readBigUInt64LE());
    return Number.isSafeInteger(offset) && offset + 22 < bytes.length
      ? boosterInMemory(candidate, bytes.subarray(22, 22 + offset), beside)
      : null;
  }
  return head.includes('Config') || head.includes('Model')
    ? snapshotInMemory(candidate, bytes, beside)
    : boosterInMemory(candidate, bytes, beside);
}

function handleBytes(value: Value | undefined): Uint8Array | null {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (is(value, 'bytes')) return value.data.length === value.length ? value.data : null;
  return bytesOf(value);
}

/** Lists of categories that LightGBM keeps in its Python object. */
function categoriesBeside(booster: Obj): Label[][] {
  const lists = itemsOf(attribute(booster.value, 'pandas_categorical')) ?? [];
  return lists.map((list) =>
    (itemsOf(list) ?? []).filter((one): one is Label => ['string', 'number', 'boolean'].includes(typeof one)),
  );
}
