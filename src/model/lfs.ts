/** The SHA-256 and size that a Git LFS pointer stands for, or `null` when it is none. Source: git-lfs spec v1. */
export function lfsPointer(head: Uint8Array): { sha256: string; size: number } | null {
  if (head.length > 1024) return null;
  const text = Buffer.from(head).toString('latin1');
  if (!text.startsWith('version https://git-lfs.github.com/spec/v1\n')) return null;
  const oid = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1];
  const size = /^size (\d{1,15})$/m.exec(text)?.[1];
  return oid === undefined || size === undefined ? null : { sha256: oid, size: Number(size) };
}
