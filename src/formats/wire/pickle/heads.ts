/** `torch.save` before it wrote zip files: a pickle of the number 0x1950a86a20f9469cfc6c comes first. */
const TORCH_LEGACY = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');

/** How many pickles stand before the raw storages of an old torch file; `null` when it is none. */
export function legacyPickles(head: Uint8Array): number | null {
  return head[0] === 0x80 && TORCH_LEGACY.equals(head.subarray(2, 14)) ? 5 : null;
}

/**
 * Whether bytes begin like a pickle. Protocols 2 and up have a magic; 0 and 1 begin with the global or the container
 * of their root.
 */
export function isPickleHead(head: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0] = head;
  if (head.length < 2) return false;
  if (first === 0x80) return second <= 5;
  if ((first === 0x5d || first === 0x7d) && second === 0x71 && third < 0x10) return true;
  const text = Buffer.from(head.subarray(0, 300)).toString('latin1');
  return /^[(\]})]*(?:[ic][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n|[ld]?p\d+\n)/.test(text);
}

/** Where the data of a `.npy` begins; `null` when it is none. Source: numpy.lib.format, versions 1 to 3. */
export function npyData(head: Uint8Array): number | null {
  if (head.length < 12 || Buffer.from(head.subarray(0, 6)).toString('latin1') !== '\x93NUMPY') return null;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  return head[6] === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
}

/** Whether it is a `.npy` of Python objects: those are pickled after the header. */
export function isObjectArray(head: Uint8Array): boolean {
  const data = npyData(head);
  if (data === null) return false;
  const header = Buffer.from(head.subarray(10, Math.min(data, head.length))).toString('latin1');
  return /['"][|<>=]?O\d*['"]/.test(header);
}
