/**
 * Where progress goes. Implementations neutralise untrusted text: a line that a model or a tool wrote never
 * becomes a workflow command. Results never go through the log; they are outputs, summaries and JSON.
 */
export interface Log {
  debug(text: string): void;
  info(text: string): void;
  /** What a reader should know and nothing has to be done about; an annotation in a workflow. */
  notice(text: string): void;
  warn(text: string): void;
  /** Shows what `body` logs as one foldable block, and how long it took. */
  group<T>(title: string, body: () => Promise<T>): Promise<T>;
}

/** A log that says nothing: for tests and for callers that want the result only. */
export const silent: Log = {
  debug: () => {},
  info: () => {},
  notice: () => {},
  warn: () => {},
  group: (_title, body) => body(),
};
