import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';

/** An element with what is inside; text is only kept where it is short. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly text: string;
}

const PIECE = 256 * 1024;
const MAX_DEPTH = 200;
const MAX_ELEMENTS = 500_000;
const MAX_TEXT = 64 * 1024;

/**
 * Reads XML into elements, without those that `skip` names and what is inside them: trees of a forest are gone by, not kept.
 * Entities of the document's own are not expanded. Prefixes of names are dropped.
 * @throws Malformed on XML that is not well-formed, too deep or too large.
 */
export async function readXml(bytes: Bytes, skip: ReadonlySet<string>): Promise<Element> {
  const { SaxesParser } = await import('saxes');
  const parser = new SaxesParser({ position: false });
  const stack: { name: string; attributes: Record<string, string>; children: Element[]; text: string }[] = [
    { name: '', attributes: {}, children: [], text: '' },
  ];
  let skipping = 0;
  let count = 0;
  parser.on('opentag', (tag) => {
    const name = tag.name.replace(/^.*:/, '');
    if (skipping > 0 || skip.has(name)) {
      skipping++;
      return;
    }
    if (stack.length > MAX_DEPTH) throw new Malformed(`the XML is nested deeper than ${MAX_DEPTH}`);
    if (++count > MAX_ELEMENTS) throw new Malformed(`the XML has more than ${MAX_ELEMENTS} elements`);
    stack.push({ name, attributes: tag.attributes as Record<string, string>, children: [], text: '' });
  });
  parser.on('closetag', () => {
    if (skipping > 0) {
      skipping--;
      return;
    }
    const element = stack.pop();
    if (element) stack.at(-1)?.children.push(element);
  });
  parser.on('text', (text) => {
    const element = stack.at(-1);
    if (skipping === 0 && element && element.text.length + text.length <= MAX_TEXT)
      element.text += text.trim();
  });
  parser.on('error', (error) => {
    throw new Malformed(`the XML is not well-formed: ${error.message}`);
  });
  const decoder = new TextDecoder();
  for (let at = 0; at < bytes.size; at += PIECE)
    parser.write(decoder.decode(bytes.read(at, Math.min(PIECE, bytes.size - at)), { stream: true }));
  parser.close();
  const [root] = stack[0]?.children ?? [];
  if (!root) throw new Malformed('the XML is empty');
  return root;
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
