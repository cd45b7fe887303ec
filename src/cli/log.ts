import type { Log } from '../ports/log.ts';
import { visible } from '../report/markdown.ts';

/** Progress on standard error. Text of others is shown with its control characters visible. */
export function terminalLog(options: { readonly quiet: boolean; readonly verbose: boolean }): Log {
  const write = (text: string) => {
    for (const line of text.split(/\r\n|\r|\n/))
      process.stderr.write(`${line.split('\t').map(visible).join('\t')}\n`);
  };
  const info = (text: string) => {
    if (!options.quiet) write(text);
  };
  return {
    debug: (text) => {
      if (options.verbose) write(text);
    },
    info,
    notice: info,
    warn: (text) => write(`warning: ${text}`),
    async group(title, body) {
      info(`${title} …`);
      const start = performance.now();
      try {
        return await body();
      } finally {
        if (options.verbose) write(`${title}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
      }
    },
  };
}
