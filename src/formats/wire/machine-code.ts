/**
 * Whether bytes begin a program or a shared library: ELF, PE, Mach-O, or an "actually portable executable" as llamafiles are.
 * Sources: elf(5); Microsoft, PE Format; mach-o/loader.h; cosmopolitan, ape.S.
 */
export function isMachineCode(head: Uint8Array): boolean {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 64) return false;
  const magic = view.getUint32(0);
  if (magic === 0x7f454c46) return true;
  if (magic === 0xcffaedfe || magic === 0xcefaedfe || magic === 0xfeedfacf || magic === 0xfeedface)
    return true;
  if (view.getUint16(0) !== 0x4d5a) return false;
  const at = view.getUint32(60, true);
  return magic === 0x4d5a7146 || (at + 4 <= head.length && view.getUint32(at) === 0x50450000);
}
