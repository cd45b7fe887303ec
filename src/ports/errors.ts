/**
 * A mistake of the user's: wrong input, missing file, refused permission. It is shown as a message without
 * a stack trace, so it has to say what is wrong, where, and (in `help`) what to do next.
 * Everything else that is thrown is a bug of ours and is shown with its stack.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly help: string | undefined;
  readonly file: string | undefined;
  readonly line: number | undefined;

  constructor(message: string, where: { help?: string; file?: string; line?: number; cause?: unknown } = {}) {
    super(message, { cause: where.cause });
    this.help = where.help;
    this.file = where.file;
    this.line = where.line;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
