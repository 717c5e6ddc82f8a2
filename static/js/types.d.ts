// What the HTTP interface answers, as far as the pages use it. docs/ and /openapi.json describe all of it.
declare namespace Api {
  type Tone = "good" | "warn" | "bad" | "idle" | "brand" | "busy" | "odd" | "accent";
  type Interval = [low: number, high: number];
  type Counts = Record<string, number>;

  interface ClassInfo { name: string; title: string; drawing?: string | null }
  interface Classifier {
    name: string; title: string; description: string; classes: ClassInfo[]; positive: string | null; ordinal?: boolean; refer_from?: string | null; champion: number | null;
    usual: { backbone: string; mode: "full" | "head" }; training: { epochs: number }; promotion: { policy: string };
    source: "builtin" | "file" | "stored"; editable: boolean; preprocessing: { crop: string }; coverage: number; reject_ungradable: boolean;
    operating_point: { sensitivity: number | null; best: string | null };
  }

  interface Answer {
    id: string; classifier: string; model_version: number; predicted_class: string; confidence: number; probabilities: Counts;
    prediction_set: string[]; decision: string; prevalence?: Counts | null; operating_point?: number | null; referral_probability?: number | null; grade?: number | null; explanation?: string | null; timestamp: string; duration_ms: number; notice: string | null;
    quality: { score: number; gradable: boolean; reasons: string[] };
    novelty: { score: number; threshold: number; in_distribution: boolean };
    similar?: { label: string; distance: number; sha256: string; image: string }[] | null;
  }
  type Verdict = "right" | "wrong" | "unsure" | "ungradable";
  interface Review { reviewer: string; verdict: Verdict; label: string | null; note: string | null; at: string }
  interface LoggedAnswer extends Answer {
    filename: string | null; feedback: { label: string; at: string } | null; patient: string | null; eye: string | null; reviews: Review[];
  }
  interface ReviewSummary {
    reviewers: Record<string, Partial<Record<Verdict, number>>>; agreement: { reviewers: string[]; n: number; same: number; kappa: number | null }[];
  }
  interface Answers { answers: Record<string, Answer>; unanswered: Record<string, string> }
  interface WaitingFeedback { waiting: Counts; predictions: LoggedAnswer[] }

  type JobStatus = "queued" | "running" | "succeeded" | "failed" | "cancelled";
  type JobKind = "bulk_predict" | "retrain" | "audit" | "upload";
  interface Epoch { epoch?: number; loss?: number; val_loss?: number; accuracy?: number; val_accuracy?: number }
  interface TrainingSettings { backbone: string; mode: string; epochs: number; promote: string; weights: string }
  interface Job {
    id: string; kind: JobKind; classifier: string; status: JobStatus; cancel_requested: boolean;
    progress: { done: number; total: number; percent: number; stage: string; eta_seconds: number | null };
    params: TrainingSettings & { model_version: number; files: number; ignored?: number }; history: Epoch[]; errors: { file: string | null; reason: string }[];
    result: TrainingResult | null; created_at: string; started_at: string | null; finished_at: string | null;
  }
  interface Accepted { job_id: string }
  interface TrainingResult {
    model_version: number; champion_version: number | null; promoted: boolean; undecided: boolean; reasons: string[]; metrics: Metrics; figures?: Comparison;
  }
  interface Comparison {
    metric?: string; champion?: number; challenger?: number; interval?: Interval | null; images?: number; champion_version?: number;
  }

  /** A row of a bulk prediction: an answer, an error, or a file that waits. */
  type ResultRow = { file: string; error?: string | null } & Partial<Answer>;
  interface ResultCount { decision: string; predicted_class: string | null; images: number }

  interface DatasetSummary {
    images: number; classes: Counts; counts: Record<string, Counts>; left_out: number; sources: Counts;
    resolutions: { width: number; height: number; images: number }[];
  }
  interface DatasetImage {
    sha256: string; file: string; label: string; split: string | null; used: string | null; tags: string[]; patient: string | null; thumbnail: string;
  }
  interface DatasetImages { total: number | null; next_cursor: string | null; images: DatasetImage[] }
  interface Changed { classifier: string; revision: number; action: string | null; changed: string[]; unchanged: number }
  interface RejectedFile { file: string; kind?: string; reason: string }
  interface UploadResult { accepted: number; duplicates: number; ignored: number; rejected: RejectedFile[] }
  interface UploadPreview {
    images: { file: string; label: string; split: string | null; told_by: string }[]; counts: Record<string, Counts>; told_by: Counts;
    rejected: RejectedFile[]; tables: string[]; archives: string[]; ignored: string[];
  }
  interface Exploration {
    images: number; measured: number; counts: Record<string, Counts>; augmentation: string[]; samples: Record<string, { file: string; image: string }[]>;
    measures: Record<string, { edges: number[]; classes: Record<string, { counts: number[]; median: number | null }> }>;
  }

  /** What the names of images tell of a new classifier. */
  interface Proposal extends UploadPreview { classes: ClassInfo[]; data: Record<string, unknown> }

  interface AuditPair {
    first: string; second: string; labels: string[]; splits: (string | null)[]; mirrored?: boolean;
    file?: string; label?: string; looks_like?: string; probability?: number;
  }
  interface Finding {
    kind: string; severity: "critical" | "warning" | "notice"; count: number; message: string; files?: string[]; pairs?: AuditPair[]; images?: string[];
  }
  interface Audit { findings: Finding[]; complete: boolean; stale: boolean; images: number }

  interface ClassMetrics { precision: number; recall: number; f1: number; support: number; precision_interval?: Interval; recall_interval?: Interval }
  interface ClassCurves { roc: { false_positive_rate: number[]; sensitivity: number[] }; precision_recall: { recall: number[]; precision: number[] } }
  interface Metrics {
    n: number; accuracy: number; balanced_accuracy: number; auroc: number; macro_f1: number; quadratic_kappa?: number; ece: number; intervals?: Record<string, Interval>;
    confusion_matrix: number[][]; per_class: Record<string, ClassMetrics>; curves?: Record<string, ClassCurves>; images_sha256?: string;
    reliability?: { confidence: number; accuracy: number; count: number }[];
    screening?: { sensitivity: number; specificity: number; sensitivity_interval?: Interval; specificity_interval?: Interval } | null;
    decisions?: { answered: number; answered_interval?: Interval; accuracy_answered?: number; accuracy_answered_interval?: Interval };
  }
  type MetricName = "accuracy" | "balanced_accuracy" | "auroc" | "macro_f1" | "quadratic_kappa";
  interface Version {
    classifier: string; version: number; aliases: string[]; backbone: string | null; mode: string | null; demo: boolean; created_at: string;
    problem: string | null;
  }
  interface Card {
    classifier: string; version: number; backbone: string; mode: string; demo: boolean; created_at: string; classes: string[]; parameters: number;
    preprocessing: { size: number; crop: string }; data: { counts: Record<string, Counts>; source: string; sha256: string }; code_revision: string;
    metrics: Metrics; history: Epoch[]; int8?: { kept: boolean } | null; thresholds: { operating_point?: number };
  }
  interface ModelInfo extends Card { alias_moves: AliasMove[] }
  interface AliasMove { alias: string; version: number | null; at: string; reason: string; actor: string | null }

  interface TestAnswer { predicted_class: string; confidence: number }
  interface TestImage { sha256: string; file: string; label: string; answer: TestAnswer; other?: TestAnswer }
  interface TestAnswers { total: number; own: boolean; answers: TestImage[] }

  type Side = "champion" | "challenger";
  type ChallengerMode = "off" | "shadow" | "canary";
  interface Labelled { accuracy: number; accuracy_interval: Interval }
  interface Times { p50: number | null; p95: number | null; p99: number | null }
  interface Shadow {
    n: number; failed: number; dropped: number; agreement: number; agreement_interval?: Interval; compute_ms: Record<Side, Times>;
    labelled: Record<Side, Labelled> & { n: number };
    disagreements: ({ prediction_id: string; label: string | null } & Record<Side, TestAnswer>)[];
  }
  type Canary = Record<Side, { n: number; duration_ms: Times; labelled: Labelled & { n: number } }>;
  interface Challenger {
    champion: number | null; challenger: number | null; mode: ChallengerMode; percent: number; shadow: Shadow | null; canary: Canary | null;
    history: { at: string; reason: string }[];
  }

  interface Health { checks: Record<string, string>; queue: string; workers: number }
  interface Host {
    cpu_percent: number; cpu_count: number; load_average: number[]; memory_percent: number; memory_used_bytes: number; memory_total_bytes: number;
    disk_percent: number; disk_used_bytes: number; disk_total_bytes: number; process_memory_bytes: number;
  }
  interface Status {
    uptime_seconds: number; champions: Record<string, number | null>; jobs: { queued: number; running: number }; host: Host;
    queue: { available: boolean; waiting: Counts; workers: { name: string; queue: string; seen: number }[] };
  }
  interface Statistics {
    predictions: number; last_hour: number; by_class: Counts; by_decision: Counts; latency_ms: Times;
    feedback: { labelled: number; correct: number; accuracy: number | null }; class_mix?: ClassMix | null;
  }
  interface ClassMix { answers: number; needed: number; calibration: Counts; shares: Counts | null; intervals?: Record<string, Interval> }
  type DriftVerdict = "stable" | "watch" | "drifted";
  interface Drift {
    classifier: string; predictions: number; images: number; verdict: DriftVerdict | "too_few" | "no_reference"; needed: number; advice?: string;
    measures: Record<string, { psi: number; limit: number; verdict: DriftVerdict }>;
  }
}

/** What `h` takes as content, lists within lists too; what is false, null or undefined is left out. */
type Child = Node | string | false | null | undefined | Child[];
/** What `h` takes as properties: attributes, listeners as `on<event>`, and custom properties of CSS as `vars`. */
interface Properties {
  [name: string]: string | number | boolean | null | undefined | ((event: any) => unknown) | Record<string, string | number>;
}
/** A cell of a table; a number stands at the right. */
type Cell = Child | { number: Child };
interface Style { tone: Api.Tone; icon: string; title: string }
interface Finding { tone: Api.Tone; icon: string; text: string }
interface Attention extends Finding { href: string; action: string }
/** A file and its path, folders included. */
interface TakenFile { file: File; path: string }
/** What one call of an upload carries. */
interface UploadPart { files: TakenFile[]; tables: TakenFile[]; bytes: number }

interface ChartSeries { label: string; tone: Api.Tone; dashed?: boolean; points: (ChartPoint | number | undefined)[]; sizes?: number[] }
interface ChartPoint { x: number; y: number }
interface Window {
  Chart: new (canvas: HTMLElement, config: object) => {
    data: object; update(): void;
    options: { scales: Record<string, { ticks: object; grid: object; title?: { color?: string } }>; plugins: { legend: { labels: { color?: string } } } };
  };
  SwaggerUIBundle(options: object): void;
}
