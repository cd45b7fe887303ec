import { styleText } from 'node:util';

/**
 * What the demo shows, on one quiet column: chapters, a sentence, commands in bold, and below each its real
 * output. Colours only where a terminal wants them (NO_COLOR, FORCE_COLOR and pipes are respected).
 */
const colours =
  process.env['NO_COLOR'] === undefined
    ? process.env['FORCE_COLOR'] !== undefined || process.stdout.isTTY === true
    : false;

type Style = Parameters<typeof styleText>[0];
export const style = (format: Style, text: string): string =>
  colours ? styleText(format, text, { validateStream: false }) : text;

/** Given to every program that the demo runs, so that all of them agree with the demo about colours and width. */
export const childEnvironment: Readonly<Record<string, string>> = {
  ...(colours ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
  COLUMNS: String(Math.min(process.stdout.columns ?? 110, 120) - 4),
  GIT_PAGER: 'cat',
  TZ: 'UTC',
};

const MARGIN = '    ';
const write = (text = '') => process.stdout.write(`${text}\n`);

export function title(text: string, lines: readonly string[]): void {
  write(`\n  ${style('bold', text)}`);
  for (const line of lines) write(`  ${style('dim', line)}`);
}

let chapters = 0;
export function chapter(text: string, ...lines: readonly string[]): void {
  chapters++;
  write(`\n\n  ${style('cyan', String(chapters))} ${style(['bold', 'cyan'], text)}`);
  for (const line of lines) write(`${MARGIN}${style('dim', line)}`);
}

export function command(line: string): void {
  write(`\n${MARGIN}${style('dim', '$')} ${style('bold', line)}`);
}

/** Says what the lines below are, where they are no command's. */
export function note(text: string): void {
  write(`\n${MARGIN}${style('dim', text)}`);
}

/** Untouched but for the margin. */
export function output(text: string): void {
  for (const line of text.replace(/\n+$/, '').split('\n')) write(`${MARGIN}${line}`.trimEnd());
}

/** A step that did what it should. */
export function done(text: string): void {
  write(`\n${MARGIN}${style('green', '✓')} ${text}`);
}

export function skipped(text: string, why: string): void {
  write(`\n${MARGIN}${style('yellow', '–')} Skipped: ${text}.`);
  write(`${MARGIN}  ${style('dim', why)}`);
}

export function failed(text: string): void {
  write(`\n${MARGIN}${style('red', '✗')} ${text}\n`);
}

export function blank(): void {
  write();
}
