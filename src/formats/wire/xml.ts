import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/** An element with what is inside; text is only kept where it is short. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly text: string;
}

const PIECE = 64 * 1024;
const MAX_DEPTH = 200;
const MAX_ELEMENTS = 500_000;
/** Also those that are gone by: documents of a hundred megabytes are read up to their first tree. */
const MAX_PASSED = 3_000_000;
const MAX_TEXT = 64 * 1024;
/** Bytes that the elements which are kept may take in memory: an element with its attributes takes some hundred. */
const MAX_KEPT = 48 * 1024 * 1024;
const ELEMENT_COST = 200;
const ATTRIBUTE_COST = 100;
const MAX_ATTRIBUTES = 10_000;
/** Between two tags: more is no markup. */
const MAX_MARKUP = 4 * 1024 * 1024;

/** An element that has begun: its name, its attributes, and how many elements it is in. */
export interface Opening {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly depth: number;
}

/**
 * Reads XML into elements, without those that `skip` says and what is inside them: trees of a forest are gone by, not kept.
 * Entities of the document's own are not expanded. Prefixes of names are dropped. UTF-8 unless the document says otherwise.
 * @param enough told of each element inside of its parent; where it says so, what follows is not read: the caller has to see
 *   that the document ends.
 * @throws Malformed on XML that is not well-formed, too deep or too large.
 */
export async function readXml(
  bytes: Bytes,
  skip: (opening: Opening) => boolean,
  enough?: (opening: Opening, parent: Opening | null) => boolean,
): Promise<Element> {
  const { SaxesParser } = await import('saxes');
  const parser = new SaxesParser({ position: false });
  const document = { name: '', attributes: {}, children: [] as Element[], text: '' };
  const stack: { name: string; attributes: Record<string, string>; children: Element[]; text: string }[] = [
    document,
  ];
  let skipping = 0;
  let count = 0;
  let passed = 0;
  let done = false;
  let kept = MAX_KEPT;
  let attributes = 0;
  /** Where the parser last came to a tag: what it gathers after that is in memory. */
  let reached = 0;
  let given = 0;
  const here = (): void => {
    reached = given;
  };
  parser.on('attribute', () => {
    attributes += 1;
    if (attributes > MAX_ATTRIBUTES)
      throw new Malformed(`an element of the XML has more than ${MAX_ATTRIBUTES} attributes`);
  });
  parser.on('opentag', (tag) => {
    here();
    attributes = 0;
    if (done) return;
    if (++passed > MAX_PASSED) throw new Malformed(`the XML has more than ${MAX_PASSED} elements`);
    if (skipping > 0) {
      skipping++;
      return;
    }
    const name = nameOf(tag.name);
    const depth = stack.length - 1;
    const opening = { name, attributes: tag.attributes as Record<string, string>, depth };
    if (enough) {
      const above = stack.at(-1);
      done = enough(opening, depth > 0 && above ? { ...above, depth: depth - 1 } : null);
      if (done) return;
    }
    if (skip(opening)) {
      skipping = 1;
      return;
    }
    if (stack.length > MAX_DEPTH) throw new Malformed(`the XML is nested deeper than ${MAX_DEPTH}`);
    let own: Record<string, string> = NO_ATTRIBUTES;
    kept -= ELEMENT_COST;
    for (const key in tag.attributes) {
      const value = String(tag.attributes[key]);
      kept -= ATTRIBUTE_COST + value.length;
      if (own === NO_ATTRIBUTES) own = {};
      own[key] = uncut(value);
    }
    if (kept < 0) throw new Malformed(`the XML takes more than ${MAX_KEPT} bytes of memory`);
    if (++count > MAX_ELEMENTS) throw new Malformed(`the XML has more than ${MAX_ELEMENTS} elements`);
    stack.push({ name, attributes: own, children: NONE, text: '' });
  });
  parser.on('closetag', () => {
    here();
    if (done) return;
    if (skipping > 0) {
      skipping--;
      return;
    }
    const element = stack.pop();
    if (element) append(stack.at(-1), element);
  });
  parser.on('text', (text) => {
    const element = stack.at(-1);
    if (!done && skipping === 0 && element && element.text.length + text.length <= MAX_TEXT)
      element.text += uncut(text.trim());
  });
  parser.on('error', (error) => {
    throw new Malformed(`the XML is not well-formed: ${error.message}`);
  });
  const decoder = decoderOf(bytes.read(0, Math.min(bytes.size, 200)));
  for (let at = 0; at < bytes.size && !done; at += PIECE) {
    given = at;
    if (given - reached > MAX_MARKUP)
      throw new Malformed(`the XML has more than ${MAX_MARKUP} bytes without a tag`);
    parser.write(decoder.decode(bytes.read(at, Math.min(PIECE, bytes.size - at)), { stream: true }));
  }
  if (!done) parser.close();
  for (let last = stack.pop(); last && stack.length > 0; last = stack.pop()) append(stack.at(-1), last);
  const [root] = document.children;
  if (!root) throw new Malformed('the XML is empty');
  return root;
}

/** An array that begins with its element takes a tenth of one that the first is pushed to. */
function append(parent: { children: Element[] } | undefined, element: Element): void {
  if (parent?.children === NONE) parent.children = [element];
  else parent?.children.push(element);
}

const NONE: Element[] = [];
const NO_ATTRIBUTES: Record<string, string> = {};

/** Cut from a longer text, it would hold on to all of that. */
const uncut = (text: string): string =>
  text.length < CUT ? text : Buffer.from(text, 'utf8').toString('utf8');
/** Up to here V8 copies. */
const CUT = 13;

const nameOf = (name: string): string => name.slice(name.lastIndexOf(':') + 1);

/** By the mark of byte order, or the encoding that the declaration names. */
function decoderOf(head: Uint8Array): InstanceType<typeof TextDecoder> {
  const [first, second] = head;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le');
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be');
  const declared = /^<\?xml[^>]*\bencoding\s*=\s*["']([\w.-]+)["']/.exec(
    Buffer.from(head).toString('latin1'),
  )?.[1];
  try {
    return new TextDecoder(declared ?? 'utf-8');
  } catch {
    return new TextDecoder();
  }
}

/** The first element below `element` by that path of names. */
export function at(element: Element | undefined, ...path: string[]): Element | undefined {
  return path.reduce<Element | undefined>(
    (here, name) => here?.children.find((one) => one.name === name),
    element,
  );
}

/** All children of that name. */
export function all(element: Element | undefined, name: string): Element[] {
  return element?.children.filter((one) => one.name === name) ?? [];
}
