import { Malformed } from '../format.ts';

/** An R object as far as it is looked at: numbers are passed over, unless they are single. */
export interface RValue {
  readonly type: number;
  /** Texts of a character vector; a symbol or a single text has one. */
  readonly texts: readonly string[];
  /** The first of an integer or logical vector. */
  readonly integer: number | null;
  /** Elements of a list with their names, or of a pairlist with their tags. */
  readonly items: readonly { readonly name: string; readonly value: RValue }[];
  readonly attributes: ReadonlyMap<string, RValue>;
}

const MAX_DEPTH = 400;
/** Values beside texts, which are gone as soon as they are in their vector. */
const MAX_VALUES = 300_000;
/** Texts and elements of one vector that are kept. */
const KEPT = 20_000;
const NOTHING: ReadonlyMap<string, RValue> = new Map();
const EMPTY: RValue = { type: 254, texts: [], integer: null, items: [], attributes: NOTHING };
/** Types by number. Source: R Internals, 1.1 "SEXPs" and 1.8 "Serialization Formats"; src/main/serialize.c. */
const SYMBOL = 1;
const ENVIRONMENT = 4;
const TEXT = 9;
const BYTECODE = 21;
const PAIRED: ReadonlySet<number> = new Set([2, 3, 5, 6, 17]);
const BARE: ReadonlySet<number> = new Set([254, 253, 252, 251, 250, 242, 241]);
/** Bytes of an element. */
const NUMBERS: Readonly<Record<number, number>> = { 10: 4, 13: 4, 14: 8, 15: 16, 24: 1 };

/**
 * The object that R wrote in binary, walked and not evaluated.
 * @param start behind the header. @param little byte order of `B` files.
 * @throws Malformed where it goes over the end of `data`, too deep, or is of a kind that R does not write.
 */
export function walkR(data: Buffer, start: number, little: boolean): RValue {
  let at = start;
  let count = 0;
  const references: RValue[] = [];
  const int = (): number => {
    if (at + 4 > data.length) throw new Malformed('the object goes on behind what was read');
    at += 4;
    return little ? data.readInt32LE(at - 4) : data.readInt32BE(at - 4);
  };
  const skip = (bytes: number): void => {
    if (!(bytes >= 0 && at + bytes <= data.length))
      throw new Malformed('the object goes on behind what was read');
    at += bytes;
  };
  const length = (): number => {
    const short = int();
    if (short !== -1) return Math.max(short, 0);
    const high = int();
    return high * 4_294_967_296 + (int() >>> 0);
  };
  const remembered = (value: RValue): RValue => {
    references.push(value);
    return value;
  };
  const attributesOf = (value: RValue): ReadonlyMap<string, RValue> =>
    value.items.length === 0 ? NOTHING : new Map(value.items.map((one) => [one.name, one.value]));

  const pairs = (flags: number, depth: number): RValue => {
    const type = flags & 0xff;
    const items: { name: string; value: RValue }[] = [];
    let attributes = NOTHING;
    for (let next = flags; ; ) {
      if (next & 0x200) attributes = attributesOf(item(depth + 1));
      const name = next & 0x400 ? (item(depth + 1).texts[0] ?? '') : '';
      const value = item(depth + 1);
      if (items.length < KEPT) items.push({ name, value });
      next = int();
      if (PAIRED.has(next & 0xff)) continue;
      after(next, depth + 1);
      return { ...EMPTY, type, items, attributes };
    }
  };
  const vector = (type: number, depth: number): RValue => {
    const size = length();
    const texts: string[] = [];
    const items: { name: string; value: RValue }[] = [];
    for (let index = 0; index < size; index++) {
      const value = item(depth + 1);
      if (index >= KEPT) continue;
      if (type === 16) texts.push(value.texts[0] ?? '');
      else items.push({ name: '', value });
    }
    return { ...EMPTY, type, texts, items };
  };
  const byteCode = (depth: number): void => {
    item(depth + 1);
    for (let left = length(); left > 0; left--) {
      const type = int();
      if (type === BYTECODE) byteCode(depth + 1);
      else if ([2, 6, 239, 240, 243, 244].includes(type)) language(type, depth + 1);
      else item(depth + 1);
    }
  };
  const language = (given: number, depth: number): void => {
    guard(depth);
    if (given === 243) {
      skip(4);
      return;
    }
    if (![2, 6, 239, 240, 244].includes(given)) {
      item(depth + 1);
      return;
    }
    if (given === 244) int();
    const type = given === 244 ? int() : given;
    if (type === 239 || type === 240) item(depth + 1);
    item(depth + 1);
    language(int(), depth + 1);
    language(int(), depth + 1);
  };
  const guard = (depth: number, type?: number): void => {
    if (type !== TEXT) count++;
    if (depth > MAX_DEPTH || count > MAX_VALUES) throw new Malformed('the object is too deep or too large');
  };
  const item = (depth: number): RValue => after(int(), depth);
  const after = (flags: number, depth: number): RValue => {
    const type = flags & 0xff;
    guard(depth, type);
    if (BARE.has(type)) return EMPTY;
    if (PAIRED.has(type)) return pairs(flags, depth);
    const body = bodyOf(type, flags, depth);
    if (!(flags & 0x200) || type === SYMBOL || type === ENVIRONMENT || type === 238 || type > 238)
      return body;
    const attributes = attributesOf(item(depth + 1));
    const names = attributes.get('names')?.texts ?? [];
    const items = body.items.map((one, index) => ({ name: names[index] ?? '', value: one.value }));
    return { ...body, items, attributes };
  };
  const bodyOf = (type: number, flags: number, depth: number): RValue => {
    const width = NUMBERS[type];
    if (width !== undefined) {
      const size = length();
      const integer = width === 4 && size > 0 ? int() : null;
      skip(size * width - (integer === null ? 0 : 4));
      return { ...EMPTY, type, integer };
    }
    switch (type) {
      case SYMBOL:
        return remembered({ ...EMPTY, type, texts: item(depth + 1).texts });
      case TEXT: {
        const size = int();
        if (size < 0) return { ...EMPTY, type };
        skip(size);
        return { ...EMPTY, type, texts: [data.toString('utf8', at - size, at)] };
      }
      case 16:
      case 19:
      case 20:
        return vector(type, depth);
      case ENVIRONMENT:
        int();
        remembered({ ...EMPTY, type });
        for (let part = 0; part < 4; part++) item(depth + 1);
        return { ...EMPTY, type };
      case 255:
        return references[(flags >> 8 || int()) - 1] ?? EMPTY;
      case 247:
      case 248:
      case 249:
        int();
        for (let left = int(); left > 0; left--) item(depth + 1);
        return remembered({ ...EMPTY, type });
      case 7:
      case 8:
        skip(int());
        return { ...EMPTY, type };
      case BYTECODE:
        int();
        byteCode(depth + 1);
        return { ...EMPTY, type };
      case 22:
        remembered({ ...EMPTY, type });
        item(depth + 1);
        item(depth + 1);
        return { ...EMPTY, type };
      case 23:
        return remembered({ ...EMPTY, type });
      case 25:
        return { ...EMPTY, type };
      case 238: {
        // A vector in a compact form: what it is made of, its state, and its attributes.
        const parts = [item(depth + 1), item(depth + 1), item(depth + 1)];
        return { ...EMPTY, type, attributes: attributesOf(parts[2] ?? EMPTY) };
      }
      default:
        throw new Malformed(`an object of type ${type}`);
    }
  };
  return item(0);
}
