/**
 * Versions that go together. They are used where a model states none: what it states always goes first.
 * Each row was resolved by pip from PyPI in November 2026 (server, newest rows) or is the last set that was
 * released before the next minor version of the framework, so that wheels exist for the Python of the row.
 */

export type Pins = Readonly<Record<string, string>>;

/** What the server needs, whole closure, by the oldest Python that the row is for. */
const SERVER: readonly { readonly python: number; readonly pins: Pins }[] = [
  {
    python: 11,
    pins: {
      'annotated-doc': '0.0.7',
      'annotated-types': '0.8.0',
      anyio: '4.16.0',
      click: '8.5.1',
      fastapi: '0.165.0',
      h11: '0.16.0',
      idna: '3.20',
      'opentelemetry-api': '1.45.2',
      orjson: '3.13.0',
      pydantic: '2.14.3',
      'pydantic-core': '2.50.4',
      starlette: '1.10.0',
      'typing-extensions': '4.16.0',
      'typing-inspection': '0.4.5',
      uvicorn: '0.54.0',
    },
  },
  {
    python: 9,
    pins: {
      'annotated-doc': '0.0.5',
      'annotated-types': '0.7.0',
      anyio: '4.12.1',
      click: '8.1.8',
      fastapi: '0.128.8',
      h11: '0.16.0',
      idna: '3.20',
      orjson: '3.11.5',
      pydantic: '2.13.5',
      'pydantic-core': '2.46.5',
      starlette: '0.49.3',
      'typing-extensions': '4.16.0',
      'typing-inspection': '0.4.2',
      uvicorn: '0.39.0',
    },
  },
];

/** A framework's row: for versions from `from` on, with the Python of the default base and its companions. */
export interface Row {
  /** Major and minor, such as `[1, 5]`. */
  readonly from: readonly [number, number];
  /** Minor of Python 3. */
  readonly python: number;
  readonly pins: Pins;
}

/** Newest first. NumPy 2 reads what NumPy 1 pickled, not always the other way: so the later one where both work. */
export const SCIKIT_LEARN: readonly Row[] = [
  {
    from: [1, 8],
    python: 12,
    pins: {
      cloudpickle: '3.1.2',
      joblib: '1.6.0',
      narwhals: '2.29.0',
      numpy: '2.4.6',
      scipy: '1.17.1',
      threadpoolctl: '3.8.0',
    },
  },
  {
    from: [1, 7],
    python: 12,
    pins: { joblib: '1.5.3', numpy: '2.3.3', scipy: '1.16.2', threadpoolctl: '3.6.0' },
  },
  {
    from: [1, 6],
    python: 12,
    pins: { joblib: '1.4.2', numpy: '2.2.6', scipy: '1.15.3', threadpoolctl: '3.5.0' },
  },
  {
    from: [1, 5],
    python: 12,
    pins: { joblib: '1.4.2', numpy: '2.1.3', scipy: '1.14.1', threadpoolctl: '3.5.0' },
  },
  {
    from: [1, 3],
    python: 11,
    pins: { joblib: '1.3.2', numpy: '1.26.4', scipy: '1.11.4', threadpoolctl: '3.2.0' },
  },
  {
    from: [1, 2],
    python: 11,
    pins: { joblib: '1.2.0', numpy: '1.23.5', scipy: '1.10.1', threadpoolctl: '3.1.0' },
  },
  {
    from: [1, 1],
    python: 9,
    pins: { joblib: '1.2.0', numpy: '1.23.5', scipy: '1.9.3', threadpoolctl: '3.1.0' },
  },
  {
    from: [0, 24],
    python: 9,
    pins: { joblib: '1.1.1', numpy: '1.21.6', scipy: '1.7.3', threadpoolctl: '3.1.0' },
  },
];
export const NEWEST_SCIKIT_LEARN = '1.9.1';

/** pandas, by the NumPy that it is to work with; newest first. */
export const PANDAS: readonly { readonly numpy: readonly [number, number]; readonly pins: Pins }[] = [
  { numpy: [2, 4], pins: { pandas: '3.1.1', 'python-dateutil': '4.0.0', tzdata: '2026.6' } },
  {
    numpy: [2, 2],
    pins: {
      pandas: '2.3.3',
      'python-dateutil': '2.9.0.post0',
      pytz: '2025.2',
      six: '1.17.0',
      tzdata: '2025.2',
    },
  },
  {
    numpy: [1, 26],
    pins: {
      pandas: '2.2.3',
      'python-dateutil': '2.9.0.post0',
      pytz: '2024.2',
      six: '1.16.0',
      tzdata: '2024.2',
    },
  },
  {
    numpy: [1, 23],
    pins: { pandas: '1.5.3', 'python-dateutil': '2.8.2', pytz: '2023.3', six: '1.16.0' },
  },
  { numpy: [1, 0], pins: { pandas: '1.3.5', 'python-dateutil': '2.8.2', pytz: '2023.3', six: '1.16.0' } },
];

/** One onnxruntime runs all older models: the version that wrote the file does not matter. */
export const ONNXRUNTIME: Row = {
  from: [0, 0],
  python: 12,
  pins: {
    flatbuffers: '25.12.19',
    numpy: '2.4.6',
    onnxruntime: '1.32.0',
    packaging: '26.3',
    protobuf: '7.36.2',
  },
};

/** tensorflow-cpu. Its own pins hold its many companions; only those are added that it left open and later broke. */
export const TENSORFLOW: readonly Row[] = [
  { from: [2, 18], python: 12, pins: {} },
  { from: [2, 16], python: 12, pins: { numpy: '1.26.4' } },
  { from: [2, 14], python: 11, pins: { numpy: '1.26.4' } },
  { from: [2, 12], python: 11, pins: { numpy: '1.23.5' } },
  { from: [2, 7], python: 9, pins: { numpy: '1.23.5', protobuf: '3.19.6' } },
  { from: [2, 5], python: 9, pins: { protobuf: '3.19.6' } },
];
/** Also for models of TensorFlow 1, which every TensorFlow 2 loads. */
export const NEWEST_TENSORFLOW = '2.21.0';

/** NumPy for a model that needs none itself: the server turns payloads into arrays. By oldest Python. */
export const NUMPY: readonly (readonly [python: number, version: string])[] = [
  [11, '2.4.6'],
  [10, '2.2.6'],
  [9, '2.0.2'],
];

/** The server's pins for Python 3.`python`. */
export function serverPins(python: number): Pins {
  return (SERVER.find((row) => python >= row.python) ?? SERVER.at(-1))?.pins ?? {};
}
