/**
 * Text for terminals. Renderers paint always, and the terminal strips the colours where nobody would see them;
 * untrusted text has gone through `visible` before, so that all escape sequences are ours.
 */
const style =
  (on: number, off: number) =>
  (text: string): string =>
    `\x1b[${on}m${text}\x1b[${off}m`;

export const paint = {
  bold: style(1, 22),
  dim: style(2, 22),
  red: style(31, 39),
  green: style(32, 39),
  yellow: style(33, 39),
  blue: style(34, 39),
  cyan: style(36, 39),
} as const;

/**
 * Text without the colours of `paint`. Node's own function strips every kind of sequence, and compiling its pattern costs
 * a start several milliseconds; there are no others in text that has gone through `visible`.
 */
export const unpainted = (text: string): string => text.replace(PAINT, '');
const PAINT = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');

/** Columns that the text takes in a terminal: wide East Asian characters and emoji take two. */
export function width(text: string): number {
  let columns = 0;
  for (const char of unpainted(text)) {
    const codePoint = char.codePointAt(0) ?? 0;
    if (codePoint >= 0x300 && codePoint <= 0x36f) continue;
    columns += isWide(codePoint) ? 2 : 1;
  }
  return columns;
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff)
  );
}

/** Rows in columns two spaces apart. Cells may be painted; the last column is not padded. */
export function table(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, width(cell));
    });
  const pad = (cell: string, column: number, row: readonly string[]) =>
    column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - width(cell));
  return rows.map((row) => `${indent}${row.map(pad).join('  ')}`.trimEnd()).join('\n');
}

/** A table with a dimmed head. */
export function headedTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  indent = '',
): string {
  return table([head.map(paint.dim), ...rows], indent);
}

/** `1.2 GB`: decimal units, as registries and disks count. */
export function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `1,234,567`. */
export function humanCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** `1 model`, `2 models`. */
export function plural(count: number, noun: string): string {
  return `${humanCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}
