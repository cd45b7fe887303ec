/** One line of a `requirements.txt` that names a distribution. */
export interface Requirement {
  /** As written. */
  readonly text: string;
  /** Normalised: lower case, runs of `-`, `_` and `.` are one `-` (PEP 503). */
  readonly name: string;
  /** The exact version of `==` or `===`, or the URL or path after `@`; `null` where any version may come. */
  readonly pin: string | null;
  /** 1-based. */
  readonly line: number;
}

const MAX_LINES = 10_000;

/** Lower case, with runs of `-`, `_` and `.` as one `-`. Source: PEP 503. */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/**
 * Reads the requirements of pip's file format: comments, continued lines, options and environment markers
 * are understood; included files (`-r`) are not followed. Source: pip's "Requirements File Format", PEP 508.
 */
export function parseRequirements(text: string): Requirement[] {
  const out: Requirement[] = [];
  const lines = text.split(/\r?\n/).slice(0, MAX_LINES);
  for (let index = 0; index < lines.length; index++) {
    const line = index + 1;
    let joined = lines[index] ?? '';
    while (joined.endsWith('\\') && index + 1 < lines.length)
      joined = joined.slice(0, -1) + (lines[++index] ?? '');
    const content = joined.replace(/(^|\s)#.*$/, '').trim();
    if (content === '' || content.startsWith('-')) continue;
    const match = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(.*)$/.exec(content);
    if (!match) continue;
    const [, name = '', rest = ''] = match;
    const specifier = (rest.split(/;|\s--/)[0] ?? '').trim();
    out.push({ text: content, name: normalName(name), pin: pinOf(specifier), line });
  }
  return out;
}

function pinOf(specifier: string): string | null {
  const url = /^@\s*(\S+)/.exec(specifier)?.[1];
  if (url !== undefined) return url;
  const exact = /^\(?\s*={2,3}\s*([^\s,;)*]+)\s*\)?$/.exec(specifier)?.[1];
  return exact ?? null;
}
