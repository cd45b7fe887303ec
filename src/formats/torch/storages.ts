import type { Remark } from '../format.ts';
import { argsOf } from '../wire/pickle/numpy.ts';
import { eachNode } from '../wire/pickle/references.ts';
import { fullName, is, type PyCall, textOf, type Value } from '../wire/pickle/values.ts';
import { findEntry, type Zip } from '../wire/zip.ts';
import { bytesOfElement } from './tensors.ts';

const MAX_PROBLEMS = 20;

/**
 * What no `torch.save` writes about tensors: storages that are not as large as the pickle claims, views that go past their
 * storage, and items set on a tensor that is being rebuilt. torch took these for granted (CVE-2026-24747).
 * @param zip with the storages in `<root>data/`; `null` where they are not in an archive.
 */
export function tensorProblems(
  roots: readonly Value[],
  zip: Zip | null,
  root: string,
  file: string,
): Remark[] {
  const problems = new Set<string>();
  const note = (message: string): void => {
    if (problems.size < MAX_PROBLEMS) problems.add(message);
  };
  eachNode(roots, (node) => {
    if (node.kind === 'ref' && zip) checkStorage(node.id, zip, root, note);
    if (node.kind !== 'call' || !is(node.callee, 'global')) return;
    if (!/^torch\._utils\._rebuild_(tensor|qtensor|parameter)/.test(fullName(node.callee))) return;
    if (node.entries.keys.length > 0 || node.items.length > 0)
      note('items are set on a tensor while it is rebuilt');
    checkView(node, note);
  });
  return [...problems].map((message) => ({
    rule: 'tensor-tampered',
    level: 'error',
    file,
    message,
    help: 'No version of torch writes files like this; get the model from its makers again.',
  }));
}

/** ('storage', class, key, location, number of elements) */
function checkStorage(id: Value, zip: Zip, root: string, note: (message: string) => void): void {
  const parts = is(id, 'tuple') ? id.items : [];
  const key = textOf(parts[2]);
  const count = parts[4];
  const size = bytesOfElement(parts[1]);
  if (textOf(parts[0]) !== 'storage' || key === null || typeof count !== 'number' || size === null) return;
  const entry = findEntry(zip, `${root}data/${key}`) ?? findEntry(zip, `${root}constants/${key}`);
  if (entry && entry.size < count * size)
    note(`storage ${key} has ${entry.size} bytes, and the pickle claims ${count * size}`);
}

function checkView(node: PyCall, note: (message: string) => void): void {
  const [storage, offset, shape, stride] = argsOf(node);
  if (!is(storage, 'ref') || !is(storage.id, 'tuple') || typeof offset !== 'number') return;
  const held = storage.id.items[4];
  if (
    !is(shape, 'tuple') ||
    !is(stride, 'tuple') ||
    typeof held !== 'number' ||
    bytesOfElement(storage.id.items[1]) === 1
  )
    return;
  const sizes = shape.items.map(Number);
  const strides = stride.items.map(Number);
  if (sizes.some((size) => size === 0)) return;
  const last = sizes.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? 0), offset);
  if (offset < 0 || last >= held) note(`a tensor reaches element ${last} of a storage that has ${held}`);
}
