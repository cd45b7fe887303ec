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

const REFUSALS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk cannot be written to',
  EMFILE: 'too many files are open',
  EIO: 'the disk has an error',
};

/** What the system refuses is the user's to mend: such errors as a `UserError`, all others as they are. */
export function asUserError(error: unknown): unknown {
  const { code, path } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  const refusal = code === undefined ? undefined : REFUSALS[code];
  if (refusal === undefined || path === undefined) return error;
  return new UserError(`"${path}" cannot be used: ${refusal}`, {
    help: 'See that the user who runs this may read the model and write where it has to.',
    cause: error,
  });
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
