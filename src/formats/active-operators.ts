import type { Remark, Risk } from './format.ts';
import type { GraphNode } from './tensorflow/graph.ts';

/**
 * Operators by which a graph reaches outside of its tensors when it is called. `dangerous`: they write or read files
 * that the model chooses, or run Python; `review`: they look at files or open connections, as input pipelines do.
 */
const ACTIVE: Readonly<Record<string, { risk: 'review' | 'dangerous'; does: string }>> = {
  PyFunc: { risk: 'dangerous', does: 'calls Python' },
  PyFuncStateless: { risk: 'dangerous', does: 'calls Python' },
  EagerPyFunc: { risk: 'dangerous', does: 'calls Python' },
  ReadFile: { risk: 'dangerous', does: 'reads a file' },
  WriteFile: { risk: 'dangerous', does: 'writes a file' },
  MatchingFiles: { risk: 'review', does: 'lists files' },
  MatchingFilesDataset: { risk: 'review', does: 'lists files' },
  WholeFileReader: { risk: 'review', does: 'reads files' },
  WholeFileReaderV2: { risk: 'review', does: 'reads files' },
  TextLineReader: { risk: 'review', does: 'reads files' },
  TextLineReaderV2: { risk: 'review', does: 'reads files' },
  FixedLengthRecordReader: { risk: 'review', does: 'reads files' },
  FixedLengthRecordReaderV2: { risk: 'review', does: 'reads files' },
  TFRecordReader: { risk: 'review', does: 'reads files' },
  TFRecordReaderV2: { risk: 'review', does: 'reads files' },
  LMDBReader: { risk: 'review', does: 'reads files' },
  TextLineDataset: { risk: 'review', does: 'reads files' },
  TFRecordDataset: { risk: 'review', does: 'reads files' },
  TFRecordDatasetV2: { risk: 'review', does: 'reads files' },
  FixedLengthRecordDataset: { risk: 'review', does: 'reads files' },
  FixedLengthRecordDatasetV2: { risk: 'review', does: 'reads files' },
  SqlDataset: { risk: 'review', does: 'reads a database' },
  ImmutableConst: { risk: 'review', does: 'maps a file' },
  LoadAndRemapMatrix: { risk: 'review', does: 'reads files' },
  CreateSummaryFileWriter: { risk: 'review', does: 'writes files' },
  CreateSummaryDbWriter: { risk: 'review', does: 'writes a database' },
  DatasetToTFRecord: { risk: 'dangerous', does: 'writes a file' },
  SaveDataset: { risk: 'dangerous', does: 'writes files' },
  SaveDatasetV2: { risk: 'dangerous', does: 'writes files' },
  DebugIdentity: { risk: 'review', does: 'sends tensors to a debugger' },
  DebugIdentityV2: { risk: 'review', does: 'writes tensors to files' },
  DebugNanCount: { risk: 'review', does: 'sends tensors to a debugger' },
  DebugNumericSummary: { risk: 'review', does: 'sends tensors to a debugger' },
  RpcClient: { risk: 'review', does: 'opens a connection' },
  RpcCall: { risk: 'review', does: 'opens a connection' },
  RpcServer: { risk: 'review', does: 'opens a port' },
  RpcServerStart: { risk: 'review', does: 'opens a port' },
};

/** Collects the operators of a graph that reach outside. */
export function watchOperators(): {
  readonly node: (node: Pick<GraphNode, 'name' | 'operator' | 'inFunction'>) => void;
  readonly result: (file: string) => { risk: Risk; remarks: Remark[] };
} {
  const found = new Map<string, { example: string; count: number }>();
  return {
    node({ name, operator, inFunction }) {
      if (!Object.hasOwn(ACTIVE, operator)) return;
      const known = found.get(operator);
      if (known) known.count++;
      else found.set(operator, { count: 1, example: inFunction === '' ? name : `${inFunction}/${name}` });
    },
    result(file) {
      let risk: Risk = 'none';
      const remarks: Remark[] = [];
      for (const [operator, { example, count }] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const active = ACTIVE[operator];
        if (!active) continue;
        if (risk !== 'dangerous') risk = active.risk;
        remarks.push({
          rule: 'code-active',
          level: active.risk === 'dangerous' ? 'error' : 'warning',
          file,
          subject: operator,
          message: `the graph ${active.does} when it is called: operator ${operator} (${count === 1 ? '' : `${count} times, first `}node "${example}")`,
          help: 'Use this model only where you know who made it and why it does this; else export it without.',
        });
      }
      return { risk, remarks };
    },
  };
}
