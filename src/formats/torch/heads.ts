/** Whether the file is a flatbuffer of the lite interpreter, by its first bytes. */
export const isMobile = (head: Uint8Array): boolean =>
  head.length >= 8 && Buffer.from(head.subarray(4, 8)).toString('latin1') === 'PTMF';
