/**
 * Untrusted text for Markdown and HTML. Everything that a model, a repository or a tool wrote goes through one
 * of these functions before it reaches a job summary, a comment or release notes.
 */

/**
 * One printable line: line breaks and control characters become visible escapes, and so do the characters that
 * reorder what a reader sees (bidirectional overrides).
 */
export function visible(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (char === '\n') out += '\\n';
    else if (char === '\r') out += '\\r';
    else if (char === '\t') out += '\\t';
    else if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (isInvisible(code)) out += `\\u${code.toString(16).padStart(4, '0')}`;
    else out += char;
  }
  return out;
}

function isInvisible(code: number): boolean {
  return (
    code === 0x061c ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x2069) ||
    code === 0xfeff ||
    (code >= 0xd800 && code <= 0xdfff)
  );
}

/** `text` for HTML, also within attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/**
 * `text` as one line of Markdown that shows exactly itself: no markup, no HTML, no link, and no `@name` or `#1`
 * that GitHub would turn into a mention (a zero-width space after the sign keeps it from doing so).
 */
export function escapeMarkdown(text: string): string {
  return visible(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\\`*_{}[\]()#+!|~$^=]/g, '\\$&')
    .replace(/^(\s*)-/, '$1\\-')
    .replace(/^(\s*\d+)\./, '$1\\.')
    .replace(/(@|\\#|GH-)(?=[\w-])/g, '$1&#8203;')
    .replace(/:(?=\/\/)/g, '\\:')
    .replace(/\bwww\./gi, '$&&#8203;');
}

/** `text` for a cell of a Markdown table. */
export function escapeTableCell(text: string): string {
  return escapeMarkdown(text);
}

/**
 * `text` as a code span of one line; fit for table cells too (GitHub's tables take `\|` for a bar in code).
 * Nothing within a code span is markup, a mention or HTML.
 */
export function code(text: string): string {
  const line = visible(text).replaceAll('|', '\\|');
  if (line.trim() === '') return line === '' ? '' : '` `';
  let longest = 0;
  for (const run of line.match(/`+/g) ?? []) longest = Math.max(longest, run.length);
  const fence = '`'.repeat(longest + 1);
  const pad = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** `text` as a block of code with its lines kept. */
export function codeBlock(text: string, language = ''): string {
  let longest = 2;
  for (const run of text.match(/`+/g) ?? []) longest = Math.max(longest, run.length);
  const fence = '`'.repeat(longest + 1);
  const body = text.split(/\r\n|\r|\n/).map(visibleKeepingTabs);
  return `${fence}${language}\n${body.join('\n').trimEnd()}\n${fence}`;
}

function visibleKeepingTabs(line: string): string {
  return line.split('\t').map(visible).join('\t');
}

/** A Markdown table. Cells are Markdown already: use `code`, `escapeTableCell` or literals. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A folded block. `title` is plain text, `body` Markdown. */
export function details(title: string, body: string): string {
  return `<details><summary>${escapeHtml(visible(title))}</summary>\n\n${body}\n\n</details>`;
}
