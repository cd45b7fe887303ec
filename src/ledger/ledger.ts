import { createHash } from 'node:crypto';
import { UserError } from '../ports/errors.ts';
import type { LabelEvent, LedgerEvent, PromoteEvent, PublishEvent, RetireEvent } from './event.ts';
import { asEvent } from './shape.ts';

/** What `prev` is on the first line. */
export const GENESIS = '0'.repeat(64);
/** A ledger of this size has about 100,000 versions; a longer file is not one. */
const MAX_BYTES = 256 * 1024 * 1024;

type Draft<E> = E extends LedgerEvent ? Omit<E, 'seq' | 'at' | 'name' | 'prev'> : never;
/** An event before it has a place in a ledger. */
export type EventDraft = Draft<PublishEvent> | Draft<PromoteEvent> | Draft<LabelEvent> | Draft<RetireEvent>;

/** The ledger of one name as it lies in a file, verified. */
export interface Ledger {
  readonly name: string;
  /** The file's whole text: lines are only ever added to it. */
  readonly text: string;
  readonly events: readonly LedgerEvent[];
  /** SHA-256 of the last line: the `prev` of the next one. */
  readonly head: string;
}

export function emptyLedger(name: string): Ledger {
  return { name, text: '', events: [], head: GENESIS };
}

/** SHA-256 of a line's bytes, without its newline. */
export function lineHash(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}

/**
 * Reads a ledger and verifies its chain: every line has its number, the model's name, and the hash of the line before.
 * @param file where it was read, for messages.
 * @throws UserError that names the line and what is wrong with it.
 */
export function parseLedger(name: string, bytes: Uint8Array, file: string): Ledger {
  const wrong = (line: number, what: string): UserError =>
    new UserError(`${file}, line ${line}: ${what}`, {
      file,
      line,
      help: 'A ledger is only ever appended to. Restore the file from the commit before it was edited (`git log -p`).',
    });
  if (bytes.length > MAX_BYTES) throw wrong(1, `the file has ${bytes.length} bytes, which is no ledger`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new UserError(`${file} is not UTF-8 text`, { file, cause });
  }
  const lines = text.split('\n');
  if (lines.pop() !== '') throw wrong(lines.length + 1, 'the line is cut off (no newline at its end)');
  const events: LedgerEvent[] = [];
  let head = GENESIS;
  for (const [index, line] of lines.entries()) {
    const number = index + 1;
    const read = readLine(line);
    if ('problem' in read) throw wrong(number, read.problem);
    const { event } = read;
    if (event.seq !== number) throw wrong(number, `it says that it is number ${event.seq}`);
    if (event.name !== name) throw wrong(number, `it is about "${event.name}", not "${name}"`);
    if (event.prev !== head)
      throw wrong(
        number,
        number === 1
          ? 'a first line has 64 zeros as "prev": lines before it were removed'
          : `its "prev" is not the hash of line ${number - 1}: one of the two was changed, or a line between them removed`,
      );
    events.push(event);
    head = lineHash(line);
  }
  return { name, text, events, head };
}

function readLine(line: string): { event: LedgerEvent } | { problem: string } {
  if (/^(?:<<<<<<<|=======|>>>>>>>)/.test(line))
    return { problem: 'a merge conflict was left in it: keep the lines of the published branch only' };
  if (line.endsWith('\r'))
    return { problem: 'it has a Windows line ending; ledgers are written with a bare newline' };
  if (line.startsWith('\uFEFF'))
    return { problem: 'it begins with a byte order mark, which an editor has added' };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { problem: line === '' ? 'it is empty' : 'it is not JSON' };
  }
  const read = asEvent(value);
  return 'problem' in read ? { problem: `it ${read.problem}` } : read;
}

/** Adds one event. The line is compact JSON with its keys in a fixed order, so that equal events are equal bytes. */
export function appendLine(ledger: Ledger, draft: EventDraft, at: Date): Ledger {
  const place = {
    seq: ledger.events.length + 1,
    at: at.toISOString().replace('.000Z', 'Z'),
    name: ledger.name,
    prev: ledger.head,
  };
  const event: LedgerEvent = { ...place, ...draft };
  const line = JSON.stringify(event);
  const read = asEvent(JSON.parse(line));
  // The readers of tomorrow must be able to read what is written today: a line that they refuse is a bug of ours.
  if ('problem' in read) throw new Error(`the new line of the ledger ${read.problem}`);
  return {
    name: ledger.name,
    text: `${ledger.text}${line}\n`,
    events: [...ledger.events, event],
    head: lineHash(line),
  };
}
