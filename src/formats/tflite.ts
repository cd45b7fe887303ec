import type { Candidate, Format } from './format.ts';
import { explainFile } from './not-a-model.ts';

/** TensorFlow Lite (LiteRT): a flatbuffer with the identifier TFL3. */
export const tflite: Format = {
  id: 'tflite',
  title: 'TensorFlow Lite',
  detect(look) {
    return look.directory.files
      .filter((file) => {
        const head = look.head(file);
        return hasIdentifier(head) || (/\.tflite$/i.test(file.path) && explainFile(file, head) === null);
      })
      .map((file): Candidate => ({ format: 'tflite', path: file.path, role: 'model', covers: [] }));
  },
  read: async (...args) => (await import('./tflite/read.ts')).readTfliteModel(...args),
};

export function hasIdentifier(head: Uint8Array): boolean {
  return head.length >= 8 && Buffer.from(head.subarray(4, 8)).toString('latin1') === 'TFL3';
}
