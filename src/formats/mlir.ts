import type { Candidate, Format } from './format.ts';

/** StableHLO and other MLIR modules: text with the signature of `main`; bytecode is named, and its contract asked for. */
export const stablehlo: Format = {
  id: 'stablehlo',
  title: 'StableHLO (MLIR)',
  detect: (look) =>
    look.directory.files
      .filter(
        (file) =>
          isBytecode(look.head(file)) || (/\.(?:mlir|stablehlo)$/.test(file.path) && isText(look.head(file))),
      )
      .map((file): Candidate => ({ format: 'stablehlo', path: file.path, role: 'model', covers: [] })),
  read: async (...args) => (await import('./mlir/read.ts')).readStablehlo(...args),
};

export const isBytecode = (head: Uint8Array): boolean =>
  Buffer.from(head.subarray(0, 4)).toString('latin1') === 'ML\xefR';
const isText = (head: Uint8Array): boolean =>
  /^(?:\s|\/\/[^\n]*\n|#[^\n]*\n)*(?:module\b|"?builtin\.module\b|func\.func\b)/.test(
    Buffer.from(head).toString('latin1'),
  );
