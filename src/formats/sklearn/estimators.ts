/**
 * What scikit-learn's estimators can be asked, by class name. The methods are class attributes and so are in no
 * pickle. Made by looking at every class of scikit-learn 1.9 and the change logs back to 0.18.
 */
export type Kind = 'classifier' | 'regressor' | 'clusterer' | 'outlier' | 'density' | 'transformer' | 'none';

export const METHODS = [
  'predict',
  'predict_proba',
  'predict_log_proba',
  'decision_function',
  'transform',
  'score_samples',
  'kneighbors',
] as const;
export type Method = (typeof METHODS)[number];

/** p predict, q predict_proba, l predict_log_proba, d decision_function, t transform, s score_samples, k kneighbors. */
const LETTERS = 'pqldtsk';

const TABLE: readonly (readonly [Kind, string, string])[] = [
  ['none', 's', 'KernelDensity'],
  // What else has it has a better way to be asked.
  ['none', 'k', 'NearestNeighbors'],
  ['none', '', 'EmpiricalCovariance GraphicalLasso GraphicalLassoCV LedoitWolf MDS MinCovDet OAS'],
  [
    'none',
    '',
    'ShrunkCovariance SpectralBiclustering SpectralCoclustering SpectralEmbedding TSNE ClassicalMDS',
  ],
  ['classifier', 'p', 'OutputCodeClassifier'],
  ['classifier', 'pd', 'LinearSVC OneVsOneClassifier PassiveAggressiveClassifier Perceptron RidgeClassifier'],
  ['classifier', 'pd', 'RidgeClassifierCV'],
  [
    'classifier',
    'pq',
    'CalibratedClassifierCV GaussianProcessClassifier KNeighborsClassifier LabelPropagation',
  ],
  ['classifier', 'pq', 'LabelSpreading RadiusNeighborsClassifier'],
  ['classifier', 'pqd', 'HistGradientBoostingClassifier'],
  ['classifier', 'pql', 'BernoulliNB CategoricalNB ComplementNB DecisionTreeClassifier DummyClassifier'],
  ['classifier', 'pql', 'ExtraTreeClassifier ExtraTreesClassifier GaussianNB MLPClassifier MultinomialNB'],
  ['classifier', 'pql', 'RandomForestClassifier'],
  [
    'classifier',
    'pqld',
    'AdaBoostClassifier BaggingClassifier GradientBoostingClassifier LogisticRegression',
  ],
  ['classifier', 'pqld', 'LogisticRegressionCV NuSVC QuadraticDiscriminantAnalysis QDA SGDClassifier SVC'],
  ['classifier', 'pqld', 'NearestCentroid'],
  ['classifier', 'pql', 'BalancedRandomForestClassifier'],
  ['classifier', 'pqld', 'BalancedBaggingClassifier EasyEnsembleClassifier RUSBoostClassifier'],
  ['classifier', 'pqldt', 'LinearDiscriminantAnalysis LDA'],
  ['clusterer', '', 'AgglomerativeClustering DBSCAN HDBSCAN OPTICS SpectralClustering'],
  ['clusterer', 'p', 'AffinityPropagation MeanShift'],
  ['clusterer', 'pt', 'Birch BisectingKMeans KMeans MiniBatchKMeans'],
  ['density', 'pqs', 'BayesianGaussianMixture GaussianMixture GMM DPGMM VBGMM'],
  ['outlier', 'pds', 'EllipticEnvelope IsolationForest LocalOutlierFactor OneClassSVM SGDOneClassSVM'],
  ['regressor', 'p', 'ARDRegression AdaBoostRegressor BaggingRegressor BayesianRidge DecisionTreeRegressor'],
  [
    'regressor',
    'p',
    'DummyRegressor ElasticNet ElasticNetCV ExtraTreeRegressor ExtraTreesRegressor GammaRegressor',
  ],
  ['regressor', 'p', 'GaussianProcessRegressor GradientBoostingRegressor HistGradientBoostingRegressor'],
  ['regressor', 'p', 'HuberRegressor KNeighborsRegressor KernelRidge Lars LarsCV Lasso LassoCV LassoLars'],
  ['regressor', 'p', 'LassoLarsCV LassoLarsIC LinearRegression LinearSVR MLPRegressor MultiTaskElasticNet'],
  ['regressor', 'p', 'MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV NuSVR OrthogonalMatchingPursuit'],
  [
    'regressor',
    'p',
    'OrthogonalMatchingPursuitCV PassiveAggressiveRegressor PoissonRegressor QuantileRegressor',
  ],
  [
    'regressor',
    'p',
    'RANSACRegressor RadiusNeighborsRegressor RandomForestRegressor Ridge RidgeCV SGDRegressor SVR',
  ],
  ['regressor', 'p', 'TheilSenRegressor TweedieRegressor GeneralizedLinearRegressor GaussianProcess'],
  ['regressor', 'pt', 'CCA IsotonicRegression PLSCanonical PLSRegression'],
  ['transformer', 't', 'AdditiveChi2Sampler Binarizer ColumnTransformer CountVectorizer DictVectorizer'],
  ['transformer', 't', 'DictionaryLearning FastICA FeatureAgglomeration FeatureHasher FeatureUnion'],
  [
    'transformer',
    't',
    'FunctionTransformer GaussianRandomProjection GenericUnivariateSelect HashingVectorizer',
  ],
  [
    'transformer',
    't',
    'IncrementalPCA IterativeImputer Isomap KBinsDiscretizer KNNImputer KNeighborsTransformer',
  ],
  ['transformer', 't', 'KernelCenterer KernelPCA LabelBinarizer LabelEncoder LatentDirichletAllocation'],
  [
    'transformer',
    't',
    'LocallyLinearEmbedding MaxAbsScaler MinMaxScaler MiniBatchDictionaryLearning MiniBatchNMF',
  ],
  ['transformer', 't', 'MiniBatchSparsePCA MissingIndicator MultiLabelBinarizer NMF Normalizer Nystroem'],
  ['transformer', 't', 'NeighborhoodComponentsAnalysis OneHotEncoder OrdinalEncoder PLSSVD PatchExtractor'],
  [
    'transformer',
    't',
    'PolynomialCountSketch PolynomialFeatures PowerTransformer QuantileTransformer RBFSampler',
  ],
  ['transformer', 't', 'RadiusNeighborsTransformer RandomTreesEmbedding RobustScaler SelectFdr SelectFpr'],
  ['transformer', 't', 'SelectFromModel SelectFwe SelectKBest SelectPercentile SequentialFeatureSelector'],
  [
    'transformer',
    't',
    'SimpleImputer Imputer SkewedChi2Sampler SparseCoder SparsePCA SparseRandomProjection',
  ],
  ['transformer', 't', 'SplineTransformer StandardScaler TargetEncoder TfidfTransformer TfidfVectorizer'],
  ['transformer', 't', 'TruncatedSVD VarianceThreshold RandomizedPCA ProjectedGradientNMF'],
  ['transformer', 't', 'RandomizedLasso RandomizedLogisticRegression'],
  ['transformer', 'ts', 'BernoulliRBM FactorAnalysis PCA'],
];

const BY_NAME = new Map<string, { readonly kind: Kind; readonly methods: readonly Method[] }>();
for (const [kind, letters, names] of TABLE)
  for (const name of names.split(' '))
    BY_NAME.set(name, {
      kind,
      methods: METHODS.filter((_, index) => letters.includes(LETTERS[index] ?? '')),
    });

/** Kind and methods of a plain estimator of scikit-learn; `undefined` for wrappers and strangers. */
export function plainEstimator(name: string): { kind: Kind; methods: readonly Method[] } | undefined {
  return BY_NAME.get(name);
}
