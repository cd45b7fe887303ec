import type { Candidate, Format } from './format.ts';

/** OpenVINO IR: an XML graph, with the weights in a `.bin` beside it. */
export const openvino: Format = {
  id: 'openvino',
  title: 'OpenVINO IR',
  detect: (look) =>
    look.directory.files
      .filter((file) => /<net\s[^>]*\bversion="\d+"/.test(Buffer.from(look.head(file)).toString('latin1')))
      .map((file): Candidate => {
        const weights = file.path.replace(/\.xml$/, '.bin');
        return {
          format: 'openvino',
          path: file.path,
          role: 'model',
          covers: look.file(weights) ? [weights] : [],
        };
      }),
  read: async (...args) => (await import('./openvino/read.ts')).readOpenvino(...args),
};
