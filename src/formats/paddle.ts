import type { Candidate, Format } from './format.ts';
import { isProgram } from './paddle/pir.ts';

/** PaddlePaddle inference programs: `*.pdmodel`, `__model__` or (Paddle 3) `*.json`, with the weights beside them. */
export const paddle: Format = {
  id: 'paddle',
  title: 'PaddlePaddle',
  detect: (look) =>
    look.directory.files
      .filter((file) =>
        file.path.endsWith('.json')
          ? isProgram(look.head(file))
          : /\.pdmodel$|(?:^|\/)__model__$/.test(file.path) && look.head(file)[0] === 0x0a,
      )
      .map((file): Candidate => {
        const stem = file.path.replace(/\.(?:pdmodel|json)$/, '');
        const covers = look.directory.files
          .map((one) => one.path)
          .filter((path) => path.startsWith(`${stem}.pdiparams`));
        return { format: 'paddle', path: file.path, role: 'model', covers };
      }),
  read: async (...args) => (await import('./paddle/read.ts')).readPaddle(...args),
};
