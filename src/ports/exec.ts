/** What a finished program left behind. Streams are decoded as UTF-8. */
export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  readonly cwd?: string;
  /** Added to the environment of this process; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** Each line of either stream, as it comes: for progress. Untrusted text. */
  readonly onLine?: (line: string) => void;
  /** The bytes of standard output as they come: for what is not text. */
  readonly onBytes?: (chunk: Uint8Array) => void;
}

/**
 * Runs a program and waits for it. Arguments are an array and no shell is involved. A non-zero exit is a
 * result, not an error; a program that cannot be found has code 127.
 */
export type Exec = (command: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

/** Runs programs of this machine. `@actions/exec` is loaded at the first call: most commands never need it. */
export const execLocal: Exec = async (command, args, options = {}) => {
  const { getExecOutput } = await import('@actions/exec');
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...process.env, ...options.env }))
    if (value !== undefined) env[name] = value;
  const listener = options.onLine;
  try {
    const { exitCode, stdout, stderr } = await getExecOutput(`"${command}"`, [...args], {
      silent: true,
      ignoreReturnCode: true,
      env,
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.input !== undefined && { input: Buffer.from(options.input) }),
      listeners: {
        ...(listener && { stdline: listener, errline: listener }),
        ...(options.onBytes && { stdout: options.onBytes }),
      },
    });
    return { code: exitCode, stdout, stderr };
  } catch (error) {
    // The library throws only when there is nothing to run.
    return { code: 127, stdout: '', stderr: error instanceof Error ? error.message : String(error) };
  }
};
