import * as core from '@actions/core';
import type { Log } from '../ports/log.ts';

/**
 * `line` so that the runner reads no command in it. The runner takes a line for a command when `::` comes first
 * (after blanks), or when `##[` is anywhere in it.
 * Source: actions/runner, src/Runner.Common/ActionCommand.cs.
 */
export function neutral(line: string): string {
  const plain = line.replaceAll('##[', '## [');
  return /^\s*::/.test(plain) ? plain.replace('::', ': :') : plain;
}

/** A log for workflows. The runner ends a line at CR as well as at LF, so every one of these is looked at. */
export function actionsLog(): Log {
  const write = (text: string) => {
    for (const line of text.split(/\r\n|\r|\n/)) process.stdout.write(`${neutral(line)}\n`);
  };
  return {
    // These escape what they are given.
    debug: (text) => core.debug(text),
    warn: (text) => core.warning(text),
    notice: (text) => core.notice(text),
    info: write,
    async group(title, body) {
      // The title of `::group::` may hold anything but a line break.
      core.startGroup(title.replace(/[\r\n]+/g, ' '));
      const start = performance.now();
      try {
        return await body();
      } finally {
        write(`took ${((performance.now() - start) / 1000).toFixed(1)} s`);
        core.endGroup();
      }
    },
  };
}
