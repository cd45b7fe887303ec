/** How arguments or results nest in dicts, lists and tuples. Source: torch/utils/_pytree.py, treespec_dumps, protocol 1. */
export interface Spec {
  readonly kind: 'leaf' | 'dict' | 'list';
  /** Of a dict, in order; `null` where they are no plain texts. */
  readonly keys: readonly string[] | null;
  readonly children: readonly Spec[];
  /** Leaves below. */
  readonly leaves: number;
}

const MAX_DEPTH = 64;
const LEAF: Spec = { kind: 'leaf', keys: null, children: [], leaves: 1 };

/** Parses a spec as text; `null` when it is none, or holds classes that are not known. */
export function specOf(text: unknown): Spec | null {
  if (typeof text !== 'string' || text.length > 16 * 1024 * 1024) return null;
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) && parsed[0] === 1 ? nodeOf(parsed[1], 0) : null;
  } catch {
    return null;
  }
}

function nodeOf(value: unknown, depth: number): Spec | null {
  if (depth > MAX_DEPTH || typeof value !== 'object' || value === null) return null;
  const { type, context, children_spec: below } = value as Record<string, unknown>;
  if (type === null || type === undefined) return LEAF;
  if (typeof type !== 'string' || !Array.isArray(below)) return null;
  const children: Spec[] = [];
  for (const child of below) {
    const spec = nodeOf(child, depth + 1);
    if (spec === null) return null;
    children.push(spec);
  }
  const keys = keysOf(context, children.length);
  const kind =
    /(^|\.)(dict|OrderedDict|defaultdict)$/i.test(type) || (keys !== null && !/tuple|list/.test(type))
      ? 'dict'
      : 'list';
  const leaves = children.reduce((sum, child) => sum + child.leaves, 0);
  return { kind, keys: kind === 'dict' ? keys : null, children, leaves };
}

/** Keys of a dict (or fields of a dataclass such as a model's output): a JSON list of texts. */
function keysOf(context: unknown, count: number): string[] | null {
  let parsed: unknown = context;
  for (let round = 0; round < 2 && typeof parsed === 'string'; round += 1) {
    try {
      parsed = JSON.parse(parsed);
    } catch {
      return null;
    }
  }
  // A dataclass or OrderedDict may wrap its keys once more.
  const flat =
    Array.isArray(parsed) && parsed.length === 2 && Array.isArray(parsed[0]) && count !== 2
      ? parsed[0]
      : parsed;
  if (!Array.isArray(flat) || flat.length !== count) return null;
  return flat.every((key) => typeof key === 'string') ? flat : null;
}
